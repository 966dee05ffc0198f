"""Ten packages of the index, built, sealed, and built again elsewhere: the table of
docs/reproducibility.md. `python -m benchmarks.real_packages [--write] [NAME==VERSION ...]`.

Each sdist is unpacked into a repository of its own, with a tag for its version; its wheel is built
by `python -m build` and sealed; `bom rebuild` then builds it from that repository under another
home, user, umask, timezone and, where the machine allows it, host name. What the index holds as
wheel is compared as information: it was built by other tools. Needs a package index.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

BIN: Final = Path(sys.executable).parent
PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reproducibility.md"
BEGIN: Final = "<!-- packages: `python -m benchmarks.real_packages --write` writes what follows -->"
END: Final = "<!-- end of packages -->"
PACKAGES: Final = (
    "attrs==26.1.0",
    "click==8.5.1",
    "idna==3.20",
    "jinja2==3.1.6",
    "markupsafe==3.0.4",
    "psutil==7.2.2",
    "requests==2.34.2",
    "simplejson==4.3.0",
    "ujson==6.1.0",
    "wrapt==2.5.2",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One package: what the rebuild said, and what the index's own wheel differs in."""

    package: str
    wheel: str
    verdict: str
    causes: str
    index: str

    def markdown(self) -> str:
        cells = (self.package, f"`{self.wheel}`", self.verdict, self.causes, self.index)
        return "| " + " | ".join(cells) + " |"


class Trial:
    """A private folder with a key, in which packages are built twice."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.key = work / "release.key"
        self._bom("key", "generate", "--out", str(work / "release"))

    def _run(self, *argv: str, cwd: Path | None = None, **variables: str) -> str:
        done = subprocess.run(
            argv,
            cwd=cwd or self.work,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1):  # 1: a finding, which is what is asked for
            raise RuntimeError(f"{argv[:3]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _bom(self, *argv: str, cwd: Path | None = None, **variables: str) -> str:
        return self._run(str(BIN / "bom"), *argv, cwd=cwd, **variables)

    def outcome(self, package: str) -> Outcome:
        name, _, version = package.partition("==")
        place = self.work / name
        source = self._repository(place, package, version)
        self._bom(
            *("build", "--key", str(self.key), "--", "python", "-m", "build", "--wheel"), cwd=source
        )
        (wheel,) = (source / "dist").glob("*.whl")
        rebuilt = self._rebuilt(wheel, source, place)
        return Outcome(
            package,
            wheel.name,
            rebuilt["verdict"],
            _causes(rebuilt),
            self._index(wheel, package, place),
        )

    def _repository(self, place: Path, package: str, version: str) -> Path:
        """The sdist, unpacked and committed, with its version as tag."""
        (place / "sdist").mkdir(parents=True)
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
        self._run(*pip, "--no-binary", ":all:", "--dest", "sdist", package, cwd=place)
        (archive,) = (place / "sdist").iterdir()
        with tarfile.open(archive) as tar:
            tar.extractall(place / "unpacked", filter="data")
        (source,) = (place / "unpacked").iterdir()
        git = ("git", "-c", "user.name=Trial", "-c", "user.email=trial@example.org")
        self._run(*git, "init", "--quiet", cwd=source)
        self._run(*git, "add", "--all", "--force", cwd=source)
        self._run(*git, "commit", "--quiet", "--message", package, cwd=source)
        self._run(*git, "tag", version, cwd=source)
        return source

    def _rebuilt(self, wheel: Path, source: Path, place: Path) -> dict[str, Any]:
        home = place / "another-home"
        home.mkdir()
        key = str(self.key.with_suffix(".pub"))
        command = (
            f"umask 077; exec bom rebuild '{wheel}' --key '{key}' --source '{source}' --json"
            " --accept normalised"
        )
        elsewhere: tuple[str, ...] = (
            "unshare",
            "--uts",
            "sh",
            "-c",
            f"hostname elsewhere; {command}",
        )
        if subprocess.run(("unshare", "--uts", "true"), check=False).returncode:
            elsewhere = ("sh", "-c", command)
        text = self._run(*elsewhere, HOME=str(home), USER="other", TZ="Asia/Kathmandu")
        found: dict[str, Any] = json.loads(text)
        return found

    def _index(self, wheel: Path, package: str, place: Path) -> str:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
        self._run(*pip, "--only-binary", ":all:", "--dest", "index", package, cwd=place)
        (theirs,) = (place / "index").glob("*.whl")
        found = json.loads(self._bom("diff", str(wheel), str(theirs), "--json"))
        return f"{found['verdict']}: {_causes(found)}" if found["differences"] else found["verdict"]


def _causes(record: dict[str, Any]) -> str:
    """How often each cause was named, the most frequent first."""
    counted = Counter(str(item["cause"]) for item in record["differences"])
    return ", ".join(f"{cause} ({number})" for cause, number in counted.most_common()) or "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    parser.add_argument("--write", action="store_true", help="into docs/reproducibility.md")
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="packages-"))
    try:
        trial = Trial(work)
        rows = []
        for package in arguments.packages:
            rows.append(trial.outcome(package).markdown())
            print(rows[-1], flush=True)
    finally:
        shutil.rmtree(work)
    if arguments.write:
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        head = (
            f"Seen on {today} (UTC), Python {sys.version.split()[0]}:",
            "",
            "| package | wheel | rebuilt elsewhere | causes | the index's wheel (information) |",
            "|---|---|---|---|---|",
        )
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        table = "\n".join((*head, *rows))
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
