"""A registry in this process that serves an image well, or badly in a way that a test asks for."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Seen:
    """One request as it came."""

    path: str
    authorization: str
    range: str


@dataclass
class Store:
    """What a registry holds: blobs and manifests by digest, manifests by tag too."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def manifest(self, value: Any, kind: str, tag: str = "") -> dict[str, Any]:
        data = json.dumps(value).encode()
        self.manifests[digest(data)] = self.manifests[tag or digest(data)] = (data, kind)
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def blob(self, data: bytes, kind: str) -> dict[str, Any]:
        self.blobs[digest(data)] = data
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def image(
        self, *layers: bytes, tag: str = "", arch: str = "amd64", **config: Any
    ) -> dict[str, Any]:
        stated = {
            "os": "linux",
            "architecture": arch,
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
            **config,
        }
        value = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(json.dumps(stated).encode(), CONFIG),
            "layers": [self.blob(layer, LAYER) for layer in layers],
        }
        made = self.manifest(value, MANIFEST, tag)
        return {**made, "platform": {"os": "linux", "architecture": arch}}


class Registry(Loopback):
    """Serves a store on loopback. `answer`, where set, may take a request over: it gets the
    handler and returns whether it did."""

    def __init__(self, store: Store, user: str = "", bearer: bool = False) -> None:
        super().__init__(Handler)
        self.store = store
        self.user = user  # "name:password"
        self.bearer = bearer
        self.seen: list[Seen] = []
        self.answer: Callable[[Handler], bool] = lambda handler: False
        self.token = "t0ken." + hashlib.sha256(user.encode()).hexdigest()
        self.forms: list[dict[str, list[str]]] = []

    def name(self, tag: str = "1") -> str:
        return f"oci://{self.host}/team/app:{tag}"

    def paths(self) -> list[str]:
        return [item.path for item in self.seen]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def registry(self) -> Registry:
        return self.server.owner  # type: ignore[attr-defined, no-any-return]

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        registry = self.registry
        sent = self.headers.get("Authorization", "")
        registry.seen.append(Seen(self.path, sent, self.headers.get("Range", "")))
        if registry.answer(self):
            return
        if self.path.startswith("/token"):
            self._token(sent)
            return
        if not self._allowed(sent):
            return
        parts = urlsplit(self.path).path.split("/")
        kind, name = parts[-2], parts[-1]
        if kind == "manifests" and name in registry.store.manifests:
            data, media = registry.store.manifests[name]
            self.send(data, media)
        elif kind == "blobs" and name in registry.store.blobs:
            self._blob(registry.store.blobs[name])
        else:
            self.send(b"{}", "application/json", 404)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        form = parse_qs(self.rfile.read(length).decode())
        self.registry.forms.append(form)
        body = json.dumps({"access_token": self.registry.token}).encode()
        self.send(body, "application/json")

    def send(self, data: bytes, media: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def redirect(self, url: str, status: int = 307) -> bool:
        self.send(b"", "text/plain", status, Location=url)
        return True

    def _blob(self, data: bytes) -> None:
        asked = self.headers.get("Range", "")
        if asked:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            stated = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.send(data[start:], "application/octet-stream", 206, Content_Range=stated)
        else:
            self.send(data, "application/octet-stream")

    def _allowed(self, sent: str) -> bool:
        registry = self.registry
        if not registry.user:
            return True
        realm = f'realm="http://{registry.host}/token",service="reg",scope="x"'
        challenge = f"Bearer {realm}" if registry.bearer else 'Basic realm="reg"'
        basic = "Basic " + base64.b64encode(registry.user.encode()).decode()
        if sent == (f"Bearer {registry.token}" if registry.bearer else basic):
            return True
        self.send(b"{}", "application/json", 401, WWW_Authenticate=challenge)
        return False

    def _token(self, sent: str) -> None:
        query = parse_qs(urlsplit(self.path).query)
        basic = "Basic " + base64.b64encode(self.registry.user.encode()).decode()
        if sent != basic or query.get("scope") != ["repository:team/app:pull"]:
            self.send(b"{}", "application/json", 401)
        else:
            self.send(json.dumps({"token": self.registry.token}).encode(), "application/json")


def endless(handler: Handler, piece: bytes = bytes(1 << 16)) -> Iterator[None]:
    """A body without an end, a piece for each step."""
    handler.send_response(200)
    handler.send_header("Content-Type", MANIFEST)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    while True:
        try:
            handler.wfile.write(piece)
            handler.wfile.flush()
        except OSError:
            return
        yield
