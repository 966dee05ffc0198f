"""Two ways to build one project that differ in everything a build can see without a container."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from bom.compare.protocol import Circumstances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.conftest import Need

DEPENDENCY: Final = "pkg:pypi/thing-of-two-versions"
_DAYS: Final = 400
# Of libfaketime: left by a process that ends by _exit, in the way of the next one of its number.
_FAKETIME: Final = ("faketime_shm_{}", "sem.faketime_sem_{}")


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made, and what is known of how."""

    artifact: Path
    known: Circumstances


@dataclass(frozen=True, slots=True)
class Builder:
    """One of the two. `place`: the folder in which projects are built. `tools`: a folder with the
    compiler `cc`. `wheels`: what pip finds. `locales`: a folder of compiled locales."""

    place: Path
    tools: Path
    wheels: Path
    locales: Path
    version: str
    user: str
    host: str
    locale: str
    timezone: str
    seed: str
    flavour: str
    umask: int
    processors: int
    days: int
    order: Callable[[list[Path]], list[Path]]

    def build(self, project: Path) -> Built:
        """Build a copy of the project, whose files are made in this builder's order."""
        folder = self.place / project.name
        copy(project, folder, self.order)
        started = int(time.time()) + self.days * 86_400
        self.run(["./build.sh"], folder, self.environment()).check_returncode()
        known = Circumstances(
            folder=str(folder),
            home=str(self.home),
            user=self.user,
            hostname=self.host,
            started=started,
            finished=int(time.time()) + self.days * 86_400,
            locale=self.locale,
            timezone=self.timezone,
            processors=self.processors,
            tools={"cc": f"{self.version}.0"},
            dependencies={DEPENDENCY: self.version},
            variables=self.variables(),
        )
        return Built(folder / "dist" / "made.tar", known)

    @property
    def home(self) -> Path:
        return self.place / "home" / self.user

    def variables(self) -> dict[str, str]:
        """Those that steer a build."""
        return {
            "LC_ALL": self.locale,
            "TZ": self.timezone,
            "PYTHONHASHSEED": self.seed,
            "FLAVOUR": self.flavour,
        }

    def environment(self) -> dict[str, str]:
        """All of them."""
        return {
            "PATH": f"{self.tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}"
            + os.environ["PATH"],
            "HOME": str(self.home),
            "USER": self.user,
            "LOGNAME": self.user,
            "LOCPATH": str(self.locales),
            "WHEELS": str(self.wheels),
            "PIP_NO_CACHE_DIR": "1",
            **self.variables(),
        }

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """A command under this builder's circumstances."""
        self.home.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(
            [*self._prefix(), *command],
            cwd=folder,
            env=environment,
            umask=self.umask,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            out, err = process.communicate()
        for name in _FAKETIME:
            Path("/dev/shm", name.format(process.pid)).unlink(missing_ok=True)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def _prefix(self) -> list[str]:
        if len(os.sched_getaffinity(0)) < self.processors:
            raise AssertionError(f"{self.processors} processors are needed")
        processors = sorted(os.sched_getaffinity(0))[: self.processors]
        left = " ".join(f"/dev/shm/{name.format('$$')}" for name in _FAKETIME)
        script = f'hostname "$0" && rm -f {left} && exec "$@"'
        argv = ["unshare", "--uts", "sh", "-c", script, self.host]
        argv += ["taskset", "-c", ",".join(map(str, processors))]
        if self.days:
            # Not by the program `faketime`: it stops where one that was killed has left its memory.
            argv += ["env", f"LD_PRELOAD={faketime()}", f"FAKETIME=+{self.days}d"]
        return argv


def copy(project: Path, folder: Path, order: Callable[[list[Path]], list[Path]]) -> None:
    """Copy a project, and make its files in the given order."""
    folder.mkdir(parents=True)
    for path in order(sorted(project.rglob("*"))):
        target = folder / path.relative_to(project)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def faketime() -> Path | None:
    """The library that shifts the clock; None where it isn't installed."""
    patterns = ("*/faketime/libfaketime.so.1", "faketime/libfaketime.so.1")
    found = [path for pattern in patterns for path in Path("/usr/lib").glob(pattern)]
    return found[0] if found else None


def lists_as_created(place: Path) -> bool:
    """Whether a folder there lists its files in an order that depends on which came first."""
    listed = []
    for number, names in enumerate(("abcdef", "fedcba")):
        folder = place / f"order-{number}"
        folder.mkdir()
        for name in names:
            (folder / name).touch()
        listed.append([path.name for path in folder.iterdir()])
        shutil.rmtree(folder)
    return listed[0] != listed[1]


def require(need: Need) -> None:
    """What it takes to have two builders."""
    for tool in ("localedef", "unshare", "taskset", "tar"):
        need(tool)
    if subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False).returncode:
        lacking("no host name of its own may be given to a process")
    if faketime() is None:
        lacking("libfaketime is not installed")
    if not Path("/usr/share/i18n/locales/en_US").is_file():
        lacking("the locales that localedef compiles are not installed (Debian: locales)")
    if len(os.sched_getaffinity(0)) < 2:
        lacking("there is one processor only")


def lacking(reason: str) -> None:
    if os.environ.get("BOM_REQUIRE_TOOLS") == "1":
        pytest.fail(f"BOM_REQUIRE_TOOLS=1, but {reason}")
    pytest.skip(reason)


@contextmanager
def memory() -> Iterator[Path]:
    """A folder in memory, where there is that: folders there list files in an order that depends
    on which came first."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as place:
        yield Path(place)


def two_builders(place: Path) -> tuple[Builder, Builder]:
    """`place`: a folder for all that they need."""
    locales = place / "locales"
    locales.mkdir()
    language(locales, "en_US")
    for version in ("1.0", "1.1"):
        _compiler(place / f"tools-{version}", version)
        _wheel(place / f"wheels-{version}", version)
    first = Builder(
        place=place / "first",
        tools=place / "tools-1.0",
        wheels=place / "wheels-1.0",
        locales=locales,
        version="1.0",
        user="anna",
        host="forge",
        locale="C",
        timezone="UTC",
        seed="1",
        flavour="sweet",
        umask=0o022,
        processors=1,
        days=0,
        order=lambda paths: paths,
    )
    second = Builder(
        place=place / "another" / "place",
        tools=place / "tools-1.1",
        wheels=place / "wheels-1.1",
        locales=locales,
        version="1.1",
        user="bert",
        host="anvil-7",
        locale="en_US.UTF-8",
        timezone="Asia/Tokyo",
        seed="2",
        flavour="sour",
        umask=0o077,
        processors=2,
        days=_DAYS,
        order=lambda paths: paths[::-1],
    )
    return first, second


def language(folder: Path, name: str) -> None:
    """Compile a locale, for LOCPATH."""
    argv = ["localedef", "-i", name, "-f", "UTF-8", str(folder / f"{name}.UTF-8")]
    subprocess.run(argv, check=True, capture_output=True)


def _compiler(folder: Path, version: str) -> None:
    """A `cc -S -o OUT IN` that writes what gcc writes of itself."""
    folder.mkdir()
    program = folder / "cc"
    program.write_text(
        "#!/bin/sh\n"
        'printf \'\\t.file\\t"%s"\\n\\t.text\\n\\t.ident\\t"GCC: (GNU) '
        f'{version}.0"\\n\' "$4" > "$3"\n'
    )
    program.chmod(0o755)


def _wheel(folder: Path, version: str) -> None:
    folder.mkdir()
    name, info = "thing_of_two_versions", f"thing_of_two_versions-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: thing-of-two-versions\nVersion: {version}\n"
    wheel = "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f'__version__ = "{version}"\n')
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", wheel)
        archive.writestr(
            f"{info}/RECORD",
            f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
        )
