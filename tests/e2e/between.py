"""An engine that lies: it stands between the docker client, or `bom`, and a real engine, and
passes everything on but the answers that a test changes."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    # Raw HTTP to be answered instead. It is given what asks the real engine: for another path,
    # or by "" for the one that was asked for.
    Lie = Callable[[Callable[[str], "Answer"]], Iterable[bytes]]

_HEAD_LIMIT = 1 << 16


class Answer:
    """What the real engine says."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body


class Between:
    """Listens at `socket_path` while it is entered. `lies`: by a pattern for the path that a
    request asks for. `asked`: the paths that were lied about."""

    def __init__(self, socket_path: Path, real: str, lies: Mapping[str, Lie]) -> None:
        self.host = f"unix://{socket_path}"
        self.asked: list[str] = []
        self._path = str(socket_path)
        self._real = real.removeprefix("unix://")
        self._lies = [(re.compile(pattern), lie) for pattern, lie in lies.items()]

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data and len(data) < _HEAD_LIMIT:
                piece = client.recv(4096)
                if not piece:
                    return
                data += piece
            head, _, rest = data.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            for pattern, lie in self._lies:
                if pattern.search(target):
                    self.asked.append(target)
                    _take_body(client, head, len(rest))
                    for piece in lie(partial(self._truth, target)):
                        client.sendall(piece)
                    return
            if b"upgrade:" not in head.lower():  # so that each request is seen
                head = re.sub(rb"\r\nConnection:[^\r]*", b"", head, flags=re.IGNORECASE)
                head += b"\r\nConnection: close"
            self._tunnel(client, head + b"\r\n\r\n" + rest)

    def _truth(self, asked: str, other: str) -> Answer:
        connection = http.client.HTTPConnection("engine")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._real)
        connection.request("GET", other or asked)
        response = connection.getresponse()
        try:
            return Answer(response.status, response.read())
        finally:
            connection.close()

    def _tunnel(self, client: socket.socket, begun: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self._real)
            engine.sendall(begun)
            other = threading.Thread(target=_pump, args=(client, engine), daemon=True)
            other.start()
            _pump(engine, client)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            other.join()


def _take_body(client: socket.socket, head: bytes, taken: int) -> None:
    """Read what was announced: who is still sending hears no answer."""
    stated = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
    left = int(stated[1]) - taken if stated else 0
    while left > 0 and (piece := client.recv(min(left, 1 << 16))):
        left -= len(piece)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


# --- answers -------------------------------------------------------------------------------------


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def open_ended(kind: str = "application/x-tar") -> bytes:
    """The head of an answer that is over when the connection is closed."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode()


def chunked(kind: str = "application/x-tar") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n"
    return f"{head}Connection: close\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
