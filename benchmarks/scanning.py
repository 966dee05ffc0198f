"""`bom scan` of the four images of make_image.py, with plain and with gzip layers, against the
floor, and against syft, trivy and cdxgen where BOM_BENCH_PEERS names folders that hold them.

The floor of plain layers is SHA-256 over the archive; of gzip layers, inflating them and SHA-256
over what comes out. Peers are asked for a CycloneDX document; none of them hashes every file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.make_image import KINDS
from benchmarks.measure import Command, Figure, in_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE: Final = Path(__file__).resolve().parent
# By kind of image: the budget's factor and seconds, and how often faster than syft (DESIGN 8).
BUDGETS: Final = {
    "python": (2.0, 0.5, 6),
    "node": (2.0, 0.5, 8),
    "polyglot": (2.0, 0.5, 8),
    "many": (1.75, 0.0, 4),
}
GZIP_BUDGET: Final = (1.5, 0.5)
MEMORY: Final = 250_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """One image scanned by all. `peers`: by name; `components`: what each found, -1 unknown;
    `where`: lines that tell where the time went, of one image."""

    image: str
    floor: Figure
    bom: Figure
    limit: float
    peers: Mapping[str, Figure | str]
    components: Mapping[str, int]
    times_faster: int
    where: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        return (
            self.bom.seconds <= self.limit
            and self.bom.peak < MEMORY
            and self._faster("trivy", 1)
            and self._faster("syft", self.times_faster)
        )

    def _faster(self, peer: str, times: int) -> bool:
        figure = self.peers.get(peer)
        return not isinstance(figure, Figure) or figure.seconds >= times * self.bom.seconds

    def markdown(self) -> str:
        cells = [self._cell(name) for name in ("trivy", "syft", "cdxgen")]
        cells.append("kept" if self.kept else "**broken**")
        return (
            f"| {self.image} | {self.floor.seconds:.2f} s "
            f"| **{self.bom.seconds:.2f} s** ({self.bom.fastest:.2f}–{self.bom.slowest:.2f}),"
            f" {self.bom.peak / 1e6:.0f} MB, {self.components.get('bom', -1):,} components "
            f"| {self.limit:.2f} s | {' | '.join(cells)} |"
        )

    def _cell(self, name: str) -> str:
        figure = self.peers.get(name, "not measured")
        if isinstance(figure, str):
            return figure
        found = self.components.get(name, -1)
        count = f", {found:,} components" if found >= 0 else ""
        return f"{figure.seconds:.2f} s, {figure.peak / 1e6:.0f} MB{count}"


HEAD: Final = [
    "| image | floor | `bom scan` | limit | trivy | syft | cdxgen | |",
    "|---|---|---|---|---|---|---|---|",
]


def scans(work: Path, environment: Mapping[str, str], rounds: int, scale: float) -> Iterator[Scan]:
    """All images in turn; `scale` under 1 makes them smaller."""
    for gzipped in (False, True):
        for kind in KINDS:
            yield _scan(work, environment, rounds, kind, gzipped, scale)


def _scan(
    work: Path,
    environment: Mapping[str, str],
    rounds: int,
    kind: str,
    gzipped: bool,
    scale: float,
) -> Scan:
    image, out = work / f"{kind}.tar", work / "out.json"
    argv = [sys.executable, "-m", "benchmarks.make_image", str(image), kind]
    argv += ["--scale", str(scale), *(["--gzip"] if gzipped else [])]
    subprocess.run(argv, cwd=HERE.parent, check=True)

    def command(*argv: str, before: tuple[str, ...] = ()) -> Command:
        return Command(argv, work, environment, before)

    floor = command("openssl", "dgst", "-sha256", str(image))
    if gzipped:
        rounds = min(rounds, 3)  # the floor alone takes ten seconds
        inflated = "for l in $(tar tf {0} | grep layer.tar); do tar xOf {0} $l | gzip -dc; done"
        floor = command("sh", "-c", f"({inflated.format(image)}) | openssl dgst -sha256")
    found = in_turns(
        {"floor": floor, "bom": command("bom", "scan", str(image), "-o", str(out))}, rounds
    )
    components = {"bom": len(json.loads(out.read_text())["components"])}
    peers: dict[str, Figure | str] = {}
    for name, argv_of in PEERS.items():
        program = _peer(name)
        if program is None or (name == "cdxgen" and (gzipped or kind != "python")):
            continue
        result = work / f"{name}.json"
        cache = work / "cache"
        asked = command(
            *argv_of(program, str(image), str(result), str(cache)),
            before=("rm", "-rf", str(cache)),
        )
        try:
            peers[name] = in_turns({name: asked}, 1)[name]
            components[name] = len(json.loads(result.read_text()).get("components", []))
        except RuntimeError as error:
            # what it says begins with the time and goes on for a page
            code = re.search(r"ended with (-?[0-9]+)", str(error))
            peers[name] = f"fails (exit {code[1] if code else 'unknown'})"
    where: list[str] = []
    if kind == "node" and not gzipped:
        asked_where = [sys.executable, "-m", "benchmarks.where", str(image)]
        ran = subprocess.run(asked_where, cwd=HERE.parent, check=True, capture_output=True)
        where = ran.stdout.decode().splitlines()
    image.unlink()
    factor, seconds, times = BUDGETS[kind]
    if gzipped:
        (factor, seconds), times = GZIP_BUDGET, 1
    size = f"{KINDS[kind].megabytes * scale / 1000:.2f} GB"
    name = f"{kind}, {size}, {round(KINDS[kind].files * scale, -2):,.0f} files"
    return Scan(
        f"{name}, gzip layers" if gzipped else name,
        found["floor"],
        found["bom"],
        factor * found["floor"].seconds + seconds,
        peers,
        components,
        times,
        tuple(where),
    )


def _peer(name: str) -> str | None:
    folder = os.environ.get("BOM_BENCH_PEERS")
    return shutil.which(name, path=folder) if folder else None


def _trivy(program: str, image: str, out: str, cache: str) -> tuple[str, ...]:
    return (
        *(program, "image", "--quiet", "--input", image, "--cache-dir", cache),
        *("--skip-db-update", "--skip-java-db-update", "--offline-scan"),
        *("--format", "cyclonedx", "--output", out),
    )


def _syft(program: str, image: str, out: str, cache: str) -> tuple[str, ...]:
    return (program, "scan", "--quiet", f"docker-archive:{image}", "-o", f"cyclonedx-json={out}")


def _cdxgen(program: str, image: str, out: str, cache: str) -> tuple[str, ...]:
    return (program, "-t", "docker", image, "-o", out)


PEERS: Final[dict[str, Callable[[str, str, str, str], tuple[str, ...]]]] = {
    "trivy": _trivy,
    "syft": _syft,
    "cdxgen": _cdxgen,
}
