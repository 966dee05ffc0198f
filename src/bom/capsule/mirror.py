"""A package index (PEP 503) of the wheels in a folder, a flat repository of its .deb files, and an
npm registry of the packages below `npm`, for the steps of one build.

Run as a file by itself, inside the network of an engine that reaches nothing else, so it imports
nothing of `bom`: mirror.py FOLDER.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

PORT: Final = 3141  # nothing else listens in that network


def project(file: str) -> str:
    """The normalised name (PEP 503) of the project whose wheel this is."""
    return re.sub(r"[-_.]+", "-", file.partition("-")[0]).lower()


def page(files: dict[str, str], name: str) -> str:
    """The page of a project, "" for one that has no files. `files`: name -> SHA-256, hex."""
    links = [
        f'<a href="/files/{quote(file)}#sha256={digest}">{html.escape(file)}</a><br>\n'
        for file, digest in sorted(files.items())
        if project(file) == name
    ]
    return f"<!DOCTYPE html>\n<title>{html.escape(name)}</title>\n{''.join(links)}" if links else ""


def npm_packages(folder: Path) -> dict[str, dict[str, Path]]:
    """Name -> version -> file of NAME/-/FILE-VERSION.tgz, as a registry has them."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*.tgz")):
        name = str(path.parent.parent.relative_to(folder))
        version = path.stem.removeprefix(name.rpartition("/")[2] + "-")
        found.setdefault(name, {})[version] = path
    return found


def npm_name(parts: list[str]) -> str:
    """The package that a path below a registry is about, whatever stands before its scope."""
    before = parts[: parts.index("-")] if "-" in parts else parts
    words = "/".join(before).split("/")  # a scope's slash may come as %2f
    return "/".join(words[-2:] if len(words) > 1 and words[-2].startswith("@") else words[-1:])


def npm_document(name: str, versions: dict[str, Path], host: str) -> str:
    """What a registry says of a package: enough of it to get each version's file."""
    entries = {}
    for version, path in versions.items():
        digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        url = f"http://{host}/npm/{name}/-/{path.name}"
        dist = {"tarball": url, "integrity": f"sha512-{digest}"}
        entries[version] = {"name": name, "version": version, "dist": dist}
    return json.dumps({"name": name, "dist-tags": {}, "versions": entries})


def server(folder: Path, address: tuple[str, int]) -> ThreadingHTTPServer:
    """One that answers for the files that lie in the folder now."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix == ".whl"
    }
    served = {f"files/{name}": folder / name for name in files}
    served |= {
        f"apt/{path.name}": path
        for path in folder.iterdir()
        if path.suffix == ".deb" or path.name == "Packages"
    }

    packages = npm_packages(folder / "npm")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # apt asks for /apt/./Packages
            given = urlsplit(self.path).path.strip("/").split("/")
            parts = [unquote(part) for part in given if part != "."]
            if parts[:-1] == ["simple"] and (text := page(files, parts[1])):
                self._say("text/html", text)
            elif parts[0] == "npm" and (found := packages.get(npm_name(parts[1:]))):
                if "-" not in parts:
                    text = npm_document(npm_name(parts[1:]), found, self.headers["Host"])
                    self._say("application/json", text)
                elif file := {path.name: path for path in found.values()}.get(parts[-1]):
                    self._send(file)
                else:
                    self.send_error(404)
            elif (file := served.get("/".join(parts))) is not None:
                self._send(file)
            else:
                self.send_error(404)

        def _say(self, kind: str, text: str) -> None:
            data = text.encode()
            self._begin(kind, len(data))
            self.wfile.write(data)

        def _send(self, file: Path) -> None:
            with file.open("rb") as stream:
                self._begin("application/octet-stream", file.stat().st_size)
                shutil.copyfileobj(stream, self.wfile)

        def _begin(self, kind: str, size: int) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(size))
            self.end_headers()

    return ThreadingHTTPServer(address, Handler)


if __name__ == "__main__":
    server(Path(sys.argv[1]), ("0.0.0.0", PORT)).serve_forever()
