"""A registry of npm packages and a host of wheels on loopback, with one small package each."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHEEL = "colours_x-1.0-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class PackageServer:
    """Where it listens, and which packages were downloaded from it."""

    port: int
    downloads: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def wheel(self) -> str:
        return f"{self.url}/{WHEEL}"

    def npm_files(self) -> dict[str, str]:
        """The files of a project that depends on the package `colours`, as npm locks it."""
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(_npm_package()).digest()).decode()
        colours = {"version": "1.0.0", "resolved": f"{self.url}/colours.tgz", "integrity": integrity}
        root = {"name": "app", "version": "1.0.0", "dependencies": {"colours": "1.0.0"}}
        lock = {"name": "app", "version": "1.0.0", "lockfileVersion": 3}
        return {
            "package.json": json.dumps(root),
            "package-lock.json": json.dumps({**lock, "packages": {"": root, "node_modules/colours": colours}}),
            ".npmrc": f"registry={self.url}/\n",
            ".gitignore": "node_modules\nvendor\n",
        }


def _npm_package() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in (
            ("package/package.json", '{"name": "colours", "version": "1.0.0"}'),
            ("package/index.js", "module.exports = 'red'\n"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def _wheel() -> bytes:
    content = io.BytesIO()
    info = "colours_x-1.0.dist-info"
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in (
            ("colours_x/__init__.py", "RED = 'red'\n"),
            (f"{info}/METADATA", "Metadata-Version: 2.1\nName: colours_x\nVersion: 1.0\n"),
            (f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            (f"{info}/RECORD", ""),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
    return content.getvalue()


@contextmanager
def package_server() -> Generator[PackageServer]:
    """Serves until the end of the `with`; what it sends may be kept for an hour."""
    files, downloads = {"/colours.tgz": _npm_package(), f"/{WHEEL}": _wheel()}, list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            downloads.extend([self.path] if body else [])
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.send_header("Cache-Control", "public, max-age=3600")
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield PackageServer(server.server_port, downloads)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
