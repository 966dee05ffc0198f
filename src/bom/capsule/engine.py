"""A Docker engine of its own, in a network that leads nowhere, for one build out of a capsule.

An ordinary engine has a network of its own: its build steps reach out whatever `bom` is run in. So
another one is started in new namespaces (network, mounts, processes), with all that is its own
in one private folder. Its bridge is in that network too. The namespace of processes ends it
whole: with its first process every other one is gone (pid_namespaces(7)), and with the last one
all mounts.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, Literal

from bom.builder.docker import grammar
from bom.builder.docker.command import CLIENT
from bom.builder.docker.connection import FAILURES
from bom.builder.docker.endpoint import NoOptions, configuration
from bom.builder.docker.engine import reach
from bom.builder.pflag import leading
from bom.builder.podman.emulation import podman_behind
from bom.capsule import loopback, step_environment
from bom.compose import reading
from bom.errors import BomError, EnvironmentLacks
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.builder.docker.engine import Engine

# How an engine keeps images: the containerd store has them as a registry does, compressed; the
# classic one their unpacked layers.
StoreKind = Literal["containerd", "classic"]

_ADDRESS: Final = "192.0.2.1"  # of its bridge; TEST-NET-1 (RFC 5737) is nobody's
_STARTING: Final = 120.0  # seconds; a second or two where nothing else runs
_STOPPING: Final = 20.0
_POLL: Final = 0.05
_SYSTEM_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # where dockerd lies
# The longest socket below the folder, and what a socket's path may have (unix(7): 108 with its 0).
_LONGEST_SOCKET: Final = len("/x/containerd/containerd.sock.ttrpc")
_SOCKET_LIMIT: Final = 107
# What would lead a client or its plugins to another engine than the one it is told.
_ELSEWHERE: Final = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY"),
    *("DOCKER_CERT_PATH", "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDKIT_HOST"),
)


@contextmanager
def private_engine(
    kind: StoreKind, folder: Path, environment: Mapping[str, str], packages: Path | None = None
) -> Iterator[tuple[Engine, dict[str, str]]]:
    """The engine, and the variables by which a client reaches it and no other.

    `folder`: a new private one; all of the engine is in it. `packages`: a folder with wheels,
    .deb files and npm packages, which its steps get instead of what any index has. The engine is
    stopped on every way out, and by the kernel should `bom` be killed.
    Raises EnvironmentLacks where the machine or the user can't have such an engine.
    """
    program = _program(environment)
    if len(os.fsencode(folder)) + _LONGEST_SOCKET > _SOCKET_LIMIT:
        raise EnvironmentLacks(
            "the folder for temporary files has too long a path for an engine's sockets",
            hint="set TMPDIR to a shorter one, of at most 45 characters",
        )
    variables = _variables(folder, environment)
    running = _Running(program, folder, kind, environment, packages)
    try:
        running.start()
        engine = running.wait(variables)
        try:
            if engine.has_containerd_store() != (kind == "containerd"):
                raise EnvironmentLacks(
                    f"dockerd here has no {kind} store for images, as the engine that built it had",
                    hint="put that engine's own version of dockerd first on PATH",
                )
            yield engine, variables
        finally:
            engine.close()
    finally:
        running.stop()


def _program(environment: Mapping[str, str]) -> str:
    if os.geteuid() != 0:
        raise EnvironmentLacks(
            "an engine of its own, without a network, takes root",
            hint="run it as root, best in a virtual machine",
        )
    path = _path(environment)
    for needed, package in (("unshare", "util-linux"), ("setpriv", "util-linux")):
        if shutil.which(needed, path=path) is None:
            raise EnvironmentLacks(f"{needed} is not on PATH", hint=f"install {package}")
    program = shutil.which("dockerd", path=path)
    if program is None:
        raise EnvironmentLacks(
            "dockerd is not here, and an image is built out of a capsule by an engine of its own",
            hint="install the Docker engine; it need not run",
        )
    return program


def _path(environment: Mapping[str, str]) -> str:
    return os.pathsep.join([environment.get("PATH", ""), *_SYSTEM_FOLDERS]).strip(os.pathsep)


def _variables(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The user's own without his engines, builders, registries and proxies; with his plugins."""
    client = folder / "client"
    client.mkdir(mode=0o700)
    plugins = configuration(NoOptions(), environment, Path.cwd()) / "cli-plugins"
    if plugins.is_dir():
        (client / "cli-plugins").symlink_to(plugins.resolve())
    kept = {name: value for name, value in environment.items() if name not in _ELSEWHERE}
    return {
        **kept,
        "DOCKER_HOST": f"unix://{folder / 's'}",
        "DOCKER_CONFIG": str(client),
        "BUILDX_CONFIG": str(client / "buildx"),
    }


class _Running:
    """The process of the engine."""

    def __init__(
        self,
        program: str,
        folder: Path,
        kind: StoreKind,
        environment: Mapping[str, str],
        packages: Path | None,
    ) -> None:
        self._program = program
        self._folder = folder
        self._kind = kind
        self._packages = packages
        path = _path(environment)
        if packages is not None:
            path = f"{step_environment.steps_runc(folder, path)}{os.pathsep}{path}"
        self._environment = {"PATH": path}
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def start(self, bridge: str = "") -> None:
        """`bridge`: the name of one that is there, "none", "" for one that dockerd makes."""
        if self._packages is not None:
            host = "127.0.0.1" if bridge else _ADDRESS
            settings = step_environment.settings(host, self._folder, self._packages)
            (self._folder / "settings.json").write_text(json.dumps(settings))
        # with the user's own daemon.json it would be another engine
        daemon = {
            "features": {"containerd-snapshotter": self._kind == "containerd"},
            "exec-opts": ["native.cgroupdriver=cgroupfs"],  # systemd is outside of the namespace
        }
        (self._folder / "daemon.json").write_text(json.dumps(daemon))
        argv = [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *(sys.executable, "-I", loopback.__file__, str(self._packages or ""), self._program),
            *("--config-file", str(self._folder / "daemon.json")),
            *("--data-root", str(self._folder / "data"), "--exec-root", str(self._folder / "x")),
            *("--pidfile", str(self._folder / "pid"), "--host", f"unix://{self._folder / 's'}"),
            *("--iptables=false", "--ip6tables=false"),
            *(("--bridge", bridge) if bridge else ("--bip", f"{_ADDRESS}/24")),
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for bom, which then stops it
            )

    def wait(self, variables: Mapping[str, str]) -> Engine:
        """The engine as soon as it answers. Without a bridge where the machine allows none."""
        until = time.monotonic() + _STARTING
        plain = True
        while time.monotonic() < until:
            assert self._process is not None
            if self._process.poll() is not None:
                if not plain or "bridge" not in self._said():
                    break
                plain = False
                self.start("none")
            # the file is there before anybody listens
            with suppress(EnvironmentLacks, *FAILURES):
                engine = reach(NoOptions(), variables, self._folder)
                self._ready = True
                return engine
            time.sleep(_POLL)
        raise EnvironmentLacks(
            f"no engine can be started in a network of its own: {self._said():.300}",
            hint="new namespaces and mounts must be allowed (a container has to be privileged)",
        )

    def _said(self) -> str:
        """The end of what it said."""
        lines = (self._folder / "log").read_text("utf-8", "replace").strip().splitlines()
        return printable_name(lines[-1]) if lines else "it says nothing"

    def stop(self) -> None:
        """Everything of it is over when this returns."""
        process = self._process
        if process is None:
            return
        with _held(_children(process.pid)) as inner:
            if self._ready:  # of its containers nothing stays in the kernel's control groups then
                for held in inner:
                    with suppress(ProcessLookupError):
                        signal.pidfd_send_signal(held, signal.SIGTERM)
                _wait(inner, _STOPPING)
            process.kill()  # unshare, with which its child is killed (--kill-child)
            process.wait()
            _wait(inner, _STOPPING)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextmanager
def _held(pids: Sequence[int]) -> Iterator[list[int]]:
    """Descriptors of these processes, which mean no other ones later."""
    with ExitStack() as stack:
        found = []
        for pid in pids:
            with suppress(ProcessLookupError):
                found.append(os.pidfd_open(pid))
                stack.callback(os.close, found[-1])
        yield found


def _wait(held: Sequence[int], seconds: float) -> None:
    """Until they have ended, or this time is over."""
    until = time.monotonic() + seconds
    for one in held:
        waiting = select.poll()
        waiting.register(one, select.POLLIN)
        waiting.poll(max(0.0, until - time.monotonic()) * 1000)


def store_kind(document: Mapping[str, Any]) -> StoreKind:
    """Of the engine that built this image, as its layers in the BOM tell: packed ones have another
    digest than what they unpack to. An image of several platforms, with no layers of its own, is
    in a containerd store alone."""
    layers = [text.split() for text in reading.subject_properties(document, "bom-seal:image:layer")]
    packed = not layers or any(words[1:2] != words[2:3] for words in layers)
    return "containerd" if packed else "classic"


def refuse_elsewhere(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
    """Raises BomError for a build that another engine or builder would do, with a network: its
    own command names one, or `docker` is podman here."""
    named: set[str] = set()
    if PurePath(command[0]).name == CLIENT:
        named = {option.name for option in leading(command, 1, grammar.GLOBAL)[0]}
    for name in ("host", "context"):
        if name in named:
            raise _elsewhere(f"--{name}")
    if any(word == "--builder" or word.startswith("--builder=") for word in command):
        raise _elsewhere("--builder")

    if podman_behind(command, environment, cwd) is not None:
        raise EnvironmentLacks(
            "`docker` is podman here, and the build is Docker's", hint="install Docker's own client"
        )


def _elsewhere(option: str) -> BomError:
    return BomError(
        f"the recorded build names its engine by {option}, so it can't be built by another one",
        hint="build it with DOCKER_HOST, DOCKER_CONTEXT or BUILDX_BUILDER instead, and seal again",
    )
