"""The sandbox: what a process that runs an agent's or a repository's code may see, reach and use up.

`policy` says what is wanted; `bubblewrap`, `landlock_command`, `seccomp`, `seatbelt` and `network_rules` turn that into
command lines, filters and verdicts (pure); `visible_paths`, `cgroups`, `proxy` and `launch` are the edges. Every
sandboxed command loads this package: standard library only, and nothing slow here. It must never decide whether a
sandbox is used, start a program with less than it was asked for, place a writable folder inside another one (an agent
could replace what is mounted the next time), or show anything of the user's home, checkout or daemon that was not
named.
"""
