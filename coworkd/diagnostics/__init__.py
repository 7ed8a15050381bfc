"""Diagnostics: checks, repairs, restores and proves an installation.

It must never be imported by a rule, and repairs nothing without being asked.
"""
