"""What an engine says of its images while a command runs, and how listening to it ends."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest
from tests.loopback import Loopback

from bom.builder.docker import command as commands
from bom.builder.docker.engine import reach
from bom.builder.docker.events import ImageEvents

if TYPE_CHECKING:
    from pathlib import Path


class Engine(BaseHTTPRequestHandler):
    """Says when it is, and then nothing of its images until the listener leaves."""

    def do_GET(self) -> None:
        self.send_response(200)
        if "/events" not in self.path:
            answer = b'{"SystemTime": "2026-01-01T00:00:00Z", "ApiVersion": "1.41"}'
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return
        chunked = self.protocol_version == "HTTP/1.1"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self.rfile.read(1)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1.1"])
def test_who_listens_leaves_at_once(tmp_path: Path, protocol: str) -> None:
    # an answer of HTTP/1.0, a proxy's, takes the connection with it
    handler = type("Engine", (Engine,), {"protocol_version": protocol})
    with Loopback(handler) as server:
        command = commands.parse(["docker", "-H", f"tcp://{server.host}", "build", "."])
        engine = reach(command, {}, tmp_path)
        events = ImageEvents(engine)
        began = time.monotonic()
        events.close()
        engine.close()
        assert time.monotonic() - began < 2
