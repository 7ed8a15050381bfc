"""Views: what `status`, `show`, the inbox and live messages say about the state of a workspace.

Reads rows and composes values or text. It must never change a row, and never decide what moves.
"""
