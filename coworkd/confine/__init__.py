"""Confinement: what a process that runs an agent's or a repository's code gets to see, to reach and to use up.

`confinement` says what is wanted, `bubblewrap`, `seccomp`, `seatbelt` and `netrules` turn that into command lines,
filters and verdicts (pure); `surroundings`, `groups`, `proxy` and `entry` are the edges. Nothing here decides whether a
sandbox is used: whoever starts a process hands over a `Confinement`, and its `Means` say what this machine offers.
What must never happen here: a writable folder inside of another one (an agent could swap what is mounted the next
time), or anything of the user's home, checkout or daemon that was not asked for by name.
"""
