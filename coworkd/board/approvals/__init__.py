"""Where a person's decision has to be given, and what is said of one that an agent could have written.

It must never give a decision: it narrows what counts, or marks what counted.
"""
