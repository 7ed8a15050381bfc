"""Checks of an installation that carry something out. Never imported by a rule."""
