"""Two-way sync between the files of `.cowork/` and the database.

Looks (`scan`, `watch`), compares (`reconcile`, `guard`: pure), acts (`apply`), in that order, driven by `engine`.
It turns saved bytes into committed rows and intents, and rows into bytes. It must never decide what runs, never infer
anything from the kind of an event, never write over bytes it has not seen, and never let one bad file touch another.
"""
