"""`coworkd demo`: the whole loop in a throw-away repository, with recorded agents and a scripted user.

It must never touch the repository or the settings of the person who runs it.
"""
