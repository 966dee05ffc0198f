"""The figures of docs/benchmarks.md: `make bench`, or `python -m benchmarks.run [--quick]`.

Prints a Markdown table; `--write` puts it into the page too. Each row is a ratio to a floor
measured in the same run, in turns with it, so that rows from different machines can be compared.
Exits 1 where a budget is broken.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Command, Figure, in_turns
from benchmarks.scanning import HEAD, scans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE: Final = Path(__file__).resolve().parent
BIN: Final = Path(sys.executable).parent
MIB: Final = 1 << 20
BASE_IMAGE: Final = os.environ.get("BOM_TEST_BASE_IMAGE", "python:3.11-slim")
PAGE: Final = HERE.parent / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- figures: `make bench` writes what follows -->"
END: Final = "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure against its budget: `factor` times the floor plus `seconds`; `peak` in bytes."""

    what: str
    floor_name: str
    floor: Figure
    figure: Figure
    factor: float
    seconds: float
    peak: int = 0

    @property
    def limit(self) -> float:
        return self.factor * self.floor.seconds + self.seconds

    @property
    def kept(self) -> bool:
        return self.figure.seconds <= self.limit and (not self.peak or self.figure.peak < self.peak)

    def markdown(self) -> str:
        peak = f"{self.figure.peak / 1e6:.0f} MB" + (
            f" (under {self.peak / 1e6:.0f})" if self.peak else ""
        )
        budget = f"{self.factor:g} x + {self.seconds:g} s = {self.limit:.2f} s"
        return (
            f"| {self.what} | {self.floor_name}: {self.floor.seconds:.3f} s "
            f"| {self.figure.seconds:.3f} s ({self.figure.fastest:.3f}–{self.figure.slowest:.3f}) "
            f"| {budget} | {peak} | {'kept' if self.kept else '**broken**'} |"
        )


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A figure that could not be had here, and why."""

    what: str
    why: str
    kept: bool = True

    def markdown(self) -> str:
        return f"| {self.what} | | not measured: {self.why} | | | |"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where it happens: a scratch folder with keys, and an environment without the user's."""

    work: Path
    environment: Mapping[str, str]
    rounds: int

    def command(self, *argv: str, cwd: Path | None = None, before: tuple[str, ...] = ()) -> Command:
        return Command(argv, cwd or self.work, self.environment, before)

    def run(self, *argv: str, cwd: Path) -> None:
        ran = subprocess.run(
            argv, cwd=cwd, env=dict(self.environment), check=False, capture_output=True, text=True
        )
        if ran.returncode:
            raise RuntimeError(f"{' '.join(argv)} ended with {ran.returncode}:\n{ran.stderr}")

    @property
    def key(self) -> str:
        return str(self.work / "release.key")

    @property
    def pub(self) -> str:
        return str(self.work / "release.pub")


def verify_and_seal(bench: Bench, megabytes: int) -> Iterator[Row]:
    """`bom verify` against openssl's SHA-256, sealing against `cp`, on one file."""
    folder = bench.work / f"tar-{megabytes}"
    folder.mkdir()
    built, sealed = bench.work / f"{megabytes}.tar", folder / "app.tar"
    bench.run(sys.executable, str(HERE / "make_tar.py"), str(built), str(megabytes), cwd=folder)
    wrapped = ("cp", str(built), "app.tar")
    bench.run(
        "bom", "build", "--key", bench.key, "--artifact", "app.tar", "--", *wrapped, cwd=folder
    )
    name = f"{megabytes * MIB / 1e9:.2f} GB tar"
    figures = in_turns(
        {
            "openssl": bench.command("openssl", "dgst", "-sha256", str(sealed)),
            "verify": bench.command("bom", "verify", str(sealed), "--key", bench.pub),
        },
        bench.rounds,
    )
    yield Row(
        f"`bom verify`, {name}",
        "openssl dgst -sha256",
        figures["openssl"],
        figures["verify"],
        1.25,
        0.3,
        100_000_000,
    )
    copy = str(bench.work / "copy.tar")
    figures = in_turns(
        {
            "cp": bench.command("cp", str(built), copy, before=("rm", "-f", copy)),
            "seal": bench.command(
                sys.executable,
                str(HERE / "seal_again.py"),
                str(sealed),
                str(built),
                copy,
                before=("rm", "-f", copy),
            ),
        },
        bench.rounds,
    )
    yield Row(f"seal, {name}", "cp", figures["cp"], figures["seal"], 1.25, 0.3)
    figures = in_turns(
        {
            "cp": bench.command("cp", str(built), copy, before=("rm", "-f", copy)),
            "normalise": bench.command(
                sys.executable,
                str(HERE / "normalise_again.py"),
                str(built),
                copy,
                before=("rm", "-f", copy),
            ),
        },
        bench.rounds,
    )
    yield Row(
        f"normalise, {name}",
        "cp",
        figures["cp"],
        figures["normalise"],
        4.0,
        0.3,
        100_000_000,
    )
    for path in (built, sealed, Path(copy)):
        path.unlink()


def normalising(bench: Bench, scale: str) -> Iterator[Row]:
    """An image of plain layers, of which every one is written anew: all its times are 0, and so is
    the epoch."""
    image, out = str(bench.work / "image.tar"), str(bench.work / "normalised.tar")
    make = ("-m", "benchmarks.make_image", image, "node", "--scale", scale)
    bench.run(sys.executable, *make, cwd=HERE.parent)
    again = (sys.executable, str(HERE / "normalise_again.py"), image, out, "0")
    figures = in_turns(
        {
            "cp": bench.command("cp", image, out, before=("rm", "-f", out)),
            "normalise": bench.command(*again, before=("rm", "-f", out)),
        },
        bench.rounds,
    )
    size = Path(image).stat().st_size / 1e6
    what = f"normalise, image of {size:,.0f} MB in plain layers"
    yield Row(what, "cp", figures["cp"], figures["normalise"], 4.0, 0.5, 300_000_000)
    for path in (image, out):
        Path(path).unlink()


def comparing(bench: Bench, scale: str) -> Iterator[Row]:
    """`bom diff` of two equal images, and of two of which one file in one layer differs, against
    openssl's SHA-256 of one; with gzip layers against inflating what differs."""
    for packed in ((), ("--gzip",)):
        image, again, other = (str(bench.work / f"image-{n}.tar") for n in range(3))
        make = ("-m", "benchmarks.make_image", image, "node", "--scale", scale, *packed)
        bench.run(sys.executable, *make, cwd=HERE.parent)
        change = ("-m", "benchmarks.change_image", image, other)
        bench.run(sys.executable, *change, cwd=HERE.parent)
        shutil.copyfile(image, again)
        name = f"{Path(image).stat().st_size / 1e9:.2f} GB image"
        differ = bench.command("bom", "diff", "--no-scan", image, other)
        commands = {
            "floor": bench.command("openssl", "dgst", "-sha256", image),
            "same": bench.command("bom", "diff", image, again),
            "differ": differ,
        }
        if packed:
            inflate = f"tar xOf {image} layer1/layer.tar | gzip -dc | openssl dgst -sha256"
            commands = {
                "floor": bench.command("sh", "-c", inflate),
                "differ": differ,
            }
        figures = in_turns(commands, bench.rounds)
        if packed:
            # The limit of the plain row, against the floor that these layers have: both are
            # inflated, each on a core, to files in which the two tars are walked.
            what = f"`bom diff --no-scan`, a file in a gzip layer differs, {name}"
            floor = "gzip -dc of the layer"
            yield Row(what, floor, figures["floor"], figures["differ"], 2.0, 1.0, 300_000_000)
        else:
            floor = "openssl dgst -sha256"
            for what, kind, seconds in (
                (f"`bom diff`, two equal {name}s", "same", 0.0 if scale == "1.0" else 0.3),
                (f"`bom diff --no-scan`, a file in a layer differs, {name}", "differ", 1.0),
            ):
                yield Row(what, floor, figures["floor"], figures[kind], 2.0, seconds, 300_000_000)
        for path in (image, again, other):
            Path(path).unlink()


def wrapping(bench: Bench) -> Iterator[Row]:
    """`python -m build` of the example, with `bom build` around it and without."""
    project = bench.work / "project"
    shutil.copytree(HERE.parent / "examples" / "python-package", project)
    for argv in (
        ("git", "init", "-q"),
        ("git", "add", "-A"),
        ("git", "-c", "user.name=b", "-c", "user.email=b@example.invalid", "commit", "-qm", "b"),
    ):
        bench.run(*argv, cwd=project)
    plain = ("python", "-m", "build", "--no-isolation")
    clean = ("rm", "-rf", "dist")
    figures = in_turns(
        {
            "plain": bench.command(*plain, cwd=project, before=clean),
            "wrapped": bench.command(
                "bom", "build", "--key", bench.key, "--", *plain, cwd=project, before=clean
            ),
        },
        bench.rounds,
    )
    yield Row(
        "`bom build -- python -m build`, two artifacts sealed",
        "python -m build",
        figures["plain"],
        figures["wrapped"],
        1.03,
        1.0,
    )


def wrapping_image(bench: Bench) -> Iterator[Row | NotMeasured]:
    """`docker build` of the example with all steps cached, with `bom build` around it; the floor
    is the same build with `docker save` after it, on the same engine."""
    what = "`bom build -- docker build`, all steps cached"
    try:
        engine = engine_variables(bench.environment)
    except LookupError as error:
        yield NotMeasured(what, str(error))
        return
    docker = replace(bench, environment={**bench.environment, **engine})
    context = bench.work / "image"
    context.mkdir()
    (context / "message.txt").write_text("hello\n", encoding="utf-8")
    (context / "Dockerfile").write_text(
        f"FROM {BASE_IMAGE}\nCOPY message.txt /\n", encoding="utf-8"
    )
    build = ("docker", "build", "-q", "-t", "bom-bench/image:1", ".")
    saved, sealed = str(bench.work / "saved.tar"), str(bench.work / "image.tar")
    try:
        docker.run(*build, cwd=context)
        figures = in_turns(
            {
                "plain": docker.command(
                    *("sh", "-c", f"{' '.join(build)} && docker save -o {saved} bom-bench/image:1"),
                    cwd=context,
                    before=("rm", "-f", saved),
                ),
                "wrapped": docker.command(
                    *("bom", "build", "-o", sealed, "--key", bench.key, "--", *build),
                    cwd=context,
                    before=("rm", "-f", sealed),
                ),
            },
            bench.rounds,
        )
    finally:
        docker.run("docker", "image", "rm", "--force", "bom-bench/image:1", cwd=context)
    name = f"{what}, {Path(sealed).stat().st_size / 1e6:.0f} MB"
    floor = "docker build && docker save"
    yield Row(name, floor, figures["plain"], figures["wrapped"], 1.03, 1.0)


def engine_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What the docker client needs to reach the engine of the tests (.ci/engines), else the one
    at its default place. Raises LookupError with the reason where there is none."""
    stated = {
        "DOCKER_HOST": os.environ.get("BOM_TEST_MODERN_HOST") or os.environ.get("DOCKER_HOST", ""),
        "DOCKER_CONFIG": os.environ.get("BOM_TEST_MODERN_CONFIG")
        or os.environ.get("DOCKER_CONFIG", ""),
    }
    found = {name: value for name, value in stated.items() if value}
    path = environment["PATH"]
    if folder := os.environ.get("BOM_TEST_MODERN_BIN"):
        path = f"{BIN}{os.pathsep}{folder}{os.pathsep}{path}"
    found["PATH"] = path
    if shutil.which("docker", path=path) is None:
        raise LookupError("there is no docker client")
    probe = ("docker", "image", "inspect", BASE_IMAGE)
    asked = subprocess.run(
        probe, env={**environment, **found}, capture_output=True, check=False, text=True
    )
    if asked.returncode:
        raise LookupError(f"no engine that holds {BASE_IMAGE} answers")
    return found


def starting(bench: Bench) -> Iterator[Row]:
    """`bom --version` against the least that a program with click can do."""
    figures = in_turns(
        {
            "click": bench.command(sys.executable, "-c", "import click"),
            "version": bench.command("bom", "--version"),
        },
        bench.rounds * 4,
    )
    yield Row(
        "`bom --version`",
        "python -c 'import click'",
        figures["click"],
        figures["version"],
        1.3,
        0.0,
    )


def composing(bench: Bench, components: int) -> Iterator[Row]:
    """Compose, validate and sign a large BOM, in a process of its own."""
    script = (sys.executable, str(HERE / "compose_many.py"), str(components))
    figures = in_turns(
        {"facts": bench.command(*script, "facts"), "bom": bench.command(*script, "bom")},
        bench.rounds,
    )
    yield Row(
        f"compose, validate and sign {components:,} components",
        "making the facts",
        figures["facts"],
        figures["bom"],
        1.0,
        3.0,
        300_000_000,
    )


def rows(bench: Bench, sizes: tuple[int, ...], components: int) -> Iterator[Row | NotMeasured]:
    yield from starting(bench)
    for megabytes in sizes:
        yield from verify_and_seal(bench, megabytes)
    yield from normalising(bench, "0.1" if max(sizes) < 100 else "1.0")
    yield from comparing(bench, "0.1" if max(sizes) < 100 else "1.0")
    yield from wrapping(bench)
    yield from wrapping_image(bench)
    yield from composing(bench, components)


def machine() -> str:
    """What it ran on, without naming it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    now = datetime.now(UTC).strftime("%Y-%m-%d")
    kernel = platform.release().split("-")[0]
    return (
        f"{now}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, "
        f"Python {platform.python_version()}, {platform.system()} {kernel}, "
        f"load average {os.getloadavg()[0]:.1f} before it began"
    )


def write(lines: list[str]) -> None:
    """Put the table between the page's two markers."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    PAGE.write_text("\n".join([before + BEGIN, *lines, END]) + after, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files, few rounds")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md as well")
    options = parser.parse_args()
    quick = options.quick
    with tempfile.TemporaryDirectory(prefix="bom-bench-") as folder:
        work = Path(folder)
        environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": folder,
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        bench = Bench(work, environment, 3 if quick else 7)
        bench.run("bom", "key", "generate", "--out", str(work / "release"), cwd=work)
        sizes, components = ((64,), 5_000) if quick else ((272, 1424), 50_000)
        lines = [
            machine(),
            "",
            "| what | floor | median (fastest–slowest) | budget | peak memory | |",
            "|---|---|---|---|---|---|",
        ]
        print("\n".join(lines))
        kept = True
        for row in rows(bench, sizes, components):
            lines.append(row.markdown())
            print(lines[-1], flush=True)
            kept = kept and row.kept
        parts: list[str] = []
        lines += ["", *HEAD]
        print("\n".join(lines[-3:]))
        for scan in scans(work, environment, 1 if quick else 5, 0.1 if quick else 1.0):
            lines.append(scan.markdown())
            print(lines[-1], flush=True)
            kept = kept and scan.kept
            where = [f"Where the time of one `bom scan` of {scan.image} goes:", "", *scan.where]
            parts += ["", *where] if scan.where else []
        lines += parts
        print("\n".join(parts))
    if options.write:
        write(lines)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
