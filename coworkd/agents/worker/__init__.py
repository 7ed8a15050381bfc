"""The worker side of a run: what a driver uses inside its process to read messages, report events and start programs.

It must never know a particular driver, and never outlive its run.
"""
