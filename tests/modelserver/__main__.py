"""`python -m tests.modelserver --scenario NAME`: the server by hand; it prints its address, then every request."""

from __future__ import annotations

import argparse
import sys
import threading

from tests.modelserver.scenarios import SCENARIOS
from tests.modelserver.server import ModelServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.modelserver", description=__doc__)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="text")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--bodies", action="store_true", help="print what is asked in full")
    options = parser.parse_args()
    with ModelServer(SCENARIOS[options.scenario](), port=options.port) as server:
        _say(server.url)
        try:
            _follow(server, bodies=options.bodies)
        except KeyboardInterrupt:
            sys.exit(0)


def _follow(server: ModelServer, *, bodies: bool) -> None:
    told = 0
    while True:
        for request in server.requests[told:]:
            told += 1
            query = request.query
            about = f" {query.model} turn {query.turn}, tools: {' '.join(query.tools) or '-'}" if query else ""
            _say(f"{request.method} {request.path}{about}")
            if bodies:
                _say(request.body.decode(errors="replace"))
        threading.Event().wait(0.2)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
