"""How fast coworkd is: against what cannot be faster, and against other programs on the same tasks in the same run.

`python -m benchmarks` measures and prints a table; `--write` puts it into docs/performance.md. Single times say more of
the machine than of the program: what counts is a ratio of two things that were measured side by side.

A new row is a function from a `Bench` to `Row`s, and a line in `SUBJECTS`.
"""
