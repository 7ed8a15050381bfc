"""Patterns at work: asks each for its next steps, starts those, and carries out its verdict.

`dispatch.patterns` decides, `merge` tries changes. It must never decide what a change is worth.
"""
