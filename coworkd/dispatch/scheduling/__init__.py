"""Scheduling: which ready task starts next, with which agent, within which limits and budgets.

Rules are pure functions over values; queries read rows. It must never start a run.
"""
