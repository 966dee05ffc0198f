"""A registry with a handful of npm packages on this machine, for what `npm ci` really does."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

from tests.loopback import Loopback


def tarball(files: dict[str, str]) -> bytes:
    """A package as npm has it: everything below `package/`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


class NpmRegistry(Loopback):
    """Serves what was published with `add` at `url`, on the loopback interface; a context
    manager."""

    def __init__(self) -> None:
        self._packages: dict[str, dict[str, Any]] = {}
        self._files: dict[str, bytes] = {}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path.partition("?")[0])
                body = registry.answer(path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the test's output is its own."""

        super().__init__(Handler)
        self.url = f"http://{self.host}/"

    def add(
        self, name: str, version: str, bundled: dict[str, str] | None = None, **more: Any
    ) -> None:
        """Publish a version; `more` goes into its package.json, `bundled` (packages with their
        versions) into its node_modules."""
        manifest = {"name": name, "version": version, "license": "MIT", **more}
        files = {"package.json": json.dumps(manifest), "index.js": f"// {name} {version}\n"}
        for inner, its in (bundled or {}).items():
            its_manifest = json.dumps({"name": inner, "version": its, "license": "MIT"})
            files[f"node_modules/{inner}/package.json"] = its_manifest
        content = tarball(files)
        place = f"/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        self._files[place] = content
        stated = {"tarball": self.url + place[1:], "integrity": f"sha512-{digest}"}
        package = self._packages.setdefault(name, {"name": name, "versions": {}})
        package["versions"][version] = {**manifest, "dist": stated}
        package["dist-tags"] = {"latest": version}

    def answer(self, path: str) -> bytes | None:
        if path in self._files:
            return self._files[path]
        package = self._packages.get(path[1:])
        return None if package is None else json.dumps(package).encode()
