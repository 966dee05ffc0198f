"""Other doors to a test engine: a TLS proxy and an ssh server on loopback, in front of its socket.

The certificates are made by openssl, the ssh server is OpenSSH's own, run by the test's user.
"""

from __future__ import annotations

import os
import shlex
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def certificates(folder: Path, *, server: str = "IP:127.0.0.1") -> Path:
    """An authority, a server's certificate and a client's, as docker names them for a client:
    ca.pem, cert.pem, key.pem; the server's are server.pem and server.key."""
    folder.mkdir(parents=True)

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch")
    openssl(*new, "-x509", "-subj", "/CN=test authority", "-days", "2", "-keyout", "ca.key",
            "-out", "ca.pem")  # fmt: skip
    for name, key, extension in (
        ("server", "server.key", f"subjectAltName={server}\nextendedKeyUsage=serverAuth"),
        ("cert", "key.pem", "extendedKeyUsage=clientAuth"),
    ):
        (folder / f"{name}.ext").write_text(extension + "\n")
        openssl(*new, "-subj", f"/CN={name}", "-keyout", key, "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out",
                f"{name}.pem")  # fmt: skip
    return folder


@contextmanager
def behind_tls(path: str, certificates: Path) -> Iterator[str]:
    """HOST:PORT of a TLS server that asks for a client's certificate and passes on to a socket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with _proxy(path, context) as port:
        yield f"127.0.0.1:{port}"


@contextmanager
def on_tcp(path: str) -> Iterator[str]:
    """HOST:PORT of a plain TCP server that passes on to a socket."""
    with _proxy(path, None) as port:
        yield f"127.0.0.1:{port}"


@contextmanager
def _proxy(path: str, context: ssl.SSLContext | None) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, context, path), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, context: ssl.SSLContext | None, path: str) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(plain, context, path), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext | None, path: str) -> None:
    with suppress(OSError), plain:
        outside = context.wrap_socket(plain, server_side=True) if context else plain
        with outside, socket.socket(socket.AF_UNIX) as inside:
            inside.connect(path)
            back = threading.Thread(target=_pump, args=(inside, outside), daemon=True)
            back.start()
            _pump(outside, inside)
            inside.shutdown(socket.SHUT_WR)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)


@contextmanager
def sshd(program: str, folder: Path, environment: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """HOST:PORT of an ssh server that lets one key in and runs what it asks for in
    `environment`; and a folder with an `ssh` to put on PATH, which knows server and key."""
    folder.mkdir()
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    host_key = (folder / "host.pub").read_text()
    variables = {key: environment[key] for key in ("PATH", "DOCKER_HOST")}
    given = " ".join(shlex.quote(f"{key}={value}") for key, value in variables.items())
    # DOCKER_HOST says which engine that machine has; the client's own words follow
    forced = f"exec env {given} $SSH_ORIGINAL_COMMAND".replace('"', '\\"')
    (folder / "authorized").write_text(f'command="{forced}" {(folder / "user.pub").read_text()}')
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host", "UsePAM no",
        f"AuthorizedKeysFile {folder}/authorized", "StrictModes no", "PidFile none",
        "PasswordAuthentication no",
    ]  # fmt: skip
    (folder / "settings").write_text("\n".join(settings) + "\n")
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host_key}")
    path = folder / "bin"
    path.mkdir()
    (path / "ssh").write_text(
        f'#!/bin/sh\necho "$@" >>{folder}/calls\n'
        f"exec /usr/bin/ssh -F none -i {folder}/user -o UserKnownHostsFile={folder}/known"
        ' -o StrictHostKeyChecking=yes "$@"\n'
    )
    (path / "ssh").chmod(0o755)
    if os.geteuid() == 0:  # sshd wants it, and Debian makes it only where the service runs
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen(
        [program, "-D", "-e", "-f", folder / "settings"], stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield f"127.0.0.1:{port}", path
    finally:
        server.terminate()
        server.wait(10)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError("no ssh server on loopback")
