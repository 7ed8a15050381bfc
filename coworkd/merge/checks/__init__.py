"""What a change does to the checks that verify it, as findings: reasons to look closely, in words.

Pure functions over values, but for `facts`, `landings` and `tree`, which read from git what the others compare, in a
job. It must never run a command, never stop a change, and never decide who is asked.
"""
