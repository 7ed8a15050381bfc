"""A program that says again what a real one said: `playback.py RECORDING [ARGUMENTS...]`.

A recording is the `protocol.log` of a run: lines that begin with `> ` were said to the program, and are waited for; the
others are said. Numbers that the other side makes up anew each time are put where the recorded ones were.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    numbers: dict[str, str] = {}
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        if not line.startswith("> "):
            sys.stdout.write(_with(numbers, line) + "\n")
            sys.stdout.flush()
            continue
        heard = sys.stdin.readline()
        if not heard:
            return
        recorded, new = json.loads(line[2:]), json.loads(heard)
        if "uuid" in recorded:
            numbers[recorded["uuid"]] = new["uuid"]
    sys.stdin.read()


def _with(numbers: dict[str, str], line: str) -> str:
    for recorded, new in numbers.items():
        line = line.replace(recorded, new)
    return line


if __name__ == "__main__":
    main()
