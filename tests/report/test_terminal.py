"""Whole outputs on a terminal of 80 and of 120 columns, as a user sees them.

Each file in snapshots/ is one call; `␛[…m` are colours, digests stand as `0123…`. Line ends are the
terminal's. `BOM_UPDATE_SNAPSHOTS=1 pytest tests/report/test_terminal.py` writes them anew; the
difference is then read in review.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests import hostile_words, terminal
from tests.report.test_changes import ONE, TWO, package

from bom import sha256sum
from bom.builder.protocol import Artifact, Silent
from bom.compose import statement
from bom.model import Component, Dependency, Finding, Gap, Licence, Subject
from bom.report.tones import columns
from bom.sealing import Session, compose, write
from bom.sign.keys import PrivateKey

if TYPE_CHECKING:
    from bom.model import Observation

SNAPSHOTS: Final = Path(__file__).parent / "snapshots"
CALLS: Final = {
    "show": ("show", "two.tar"),
    "diff": ("diff", "one.tar", "two.tar"),
    "diff-boms": ("diff", "one.json", "two.json", "--no-bytes"),
    "verify-good": ("verify", "two.tar", "--key", "release.pub"),
    "verify-bad": ("verify", "damaged.tar", "--key", "other.pub"),
    "audit": ("audit", "two.tar", "--advisories", "advisories"),
    "hostile-verify": ("verify", "hostile.tar", "--key", "other.pub"),
    "hostile-show": ("show", "hostile.json"),
    "hostile-diff": ("diff", "hostile.json", "turned.json"),
}
# What is long, wide, hidden or a command: the outputs stay short enough to be read in review.
SOME: Final = (
    *("html-image", "terminal-title", "terminal-c1", "newline", "direction", "invisible"),
    *("command-mask", "command-hash", "wide", "combining"),
)
DIGEST: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
SHORT: Final = re.compile(r"(?<=sha256: )[0-9a-f]{16}… -> [0-9a-f]{16}…")
TIME: Final = "2024-01-01T00:00:00Z"


def sealed(
    folder: Path, name: str, key: PrivateKey, content: str, facts: tuple[Observation, ...]
) -> None:
    built = folder / "built.tar"
    (folder / "words.txt").write_text(content)
    with tarfile.open(built, "w", format=tarfile.GNU_FORMAT) as archive:
        member = archive.gettarinfo(folder / "words.txt", "app/words.txt")
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o644
        with (folder / "words.txt").open("rb") as stream:
            archive.addfile(member, stream)
    subject = Subject(
        "app.tar",
        "tar",
        sha256sum.of_file(built),
        built.stat().st_size,
        "app",
        "1.0",
        licences=(Licence("Apache-2.0", "id"),),
    )
    run = statement.Run(TIME, TIME, "urn:uuid:00000000-0000-0000-0000-000000000000", 0)
    session = Session(key, "1.6", 0, facts, run)
    with ExitStack() as stack:
        made = compose(session, Artifact(built, folder / name, subject), stack)
        write(session, made, stack, Silent())
    built.unlink()
    (folder / "words.txt").unlink()
    (folder / name).with_suffix(".json").write_bytes(made.envelope.bom)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    key = PrivateKey.generate()
    (folder / "release.pub").write_bytes(key.public.pem())
    (folder / "other.pub").write_bytes(PrivateKey.generate().public.pem())
    graph = Dependency(
        Component(
            "library",
            "requests-with-a-name-that-is-rather-long-for-a-window-of-eighty-columns",
            "2.31.0",
            purl="pkg:pypi/requests-long@2.31.0",
            hashes=(hostile_words.HASH,),
            hash_of="installed-files",
            licences=(Licence("Apache-2.0", "id"),),
            requires=("pkg:pypi/flask@3.0.0", "pkg:pypi/werkzeug@3.0.0"),
        ),
        direct=True,
    )
    more = (
        graph,
        package("größer-大小", "1.0"),
        Finding("copies", "two copies of libssl3 differ", "sha256:ab", "sha256:cd", "usr/lib"),
        Gap("component.licence", "usr/share/doc/libssl3/copyright", "none is stated in a form that"
            " is read, and neither does the package's own record state one", ""),
    )  # fmt: skip
    sealed(folder, "one.tar", key, "hello at 2024-01-01T10:00:00Z\n", ONE)
    sealed(folder, "two.tar", key, "hello at 2024-02-03T11:12:13Z\n", (*TWO, *more))
    data = bytearray((folder / "two.tar").read_bytes())
    data[data.index(b"hello at")] ^= 1
    (folder / "damaged.tar").write_bytes(data)
    words = [hostile_words.WORDS[name] for name in SOME]
    hostile_words.sealed(folder, words)
    for name, given in (("hostile", words), ("turned", words[1:] + words[:1])):
        document = hostile_words.document(given)
        (folder / f"{name}.json").write_text(json.dumps(document))
    (folder / "advisories").mkdir()
    events = [{"introduced": "0"}, {"fixed": "3.0.1"}]
    package_named = {"ecosystem": "PyPI", "name": "werkzeug"}
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    advisory = {
        "id": "PYSEC-2024-1",
        "modified": "2026-01-01T00:00:00Z",
        "summary": "Somebody can do something that they should not be able to do, at length.",
        "affected": [{"package": package_named, "ranges": ranges}],
    }
    (folder / "advisories" / "PYSEC-2024-1.json").write_text(json.dumps(advisory))
    return folder


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", CALLS)
def test_what_is_shown_is_as_expected(place: Path, name: str, width: int) -> None:
    code, shown = terminal.shown(place, width, *CALLS[name])
    shown = DIGEST.sub("0123456789abcdef" * 4, shown)
    shown = SHORT.sub("01234567… -> 89abcdef…", shown)
    text = f"$ bom {' '.join(CALLS[name])}\nexit code {code}\n{shown}"
    assert "Traceback" not in text
    assert not hostile_words.ACTIVE.search(text)
    file = SNAPSHOTS / f"{name}-{width}.txt"
    if os.environ.get("BOM_UPDATE_SNAPSHOTS") == "1":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in CALLS if name != "audit"])
def test_no_line_is_wider_than_the_window_unless_a_digest_is(place: Path, name: str) -> None:
    _, shown = terminal.shown(place, 40, *CALLS[name])
    colours = re.compile("␛\\[[0-9;]*m")
    lines = [colours.sub("", line) for line in shown.splitlines()]
    wide = [line for line in lines if columns(line) > 40]
    assert not [line for line in wide if not re.search(r"[0-9a-f]{32}", line)], wide


def test_colours_are_left_out_where_they_are_not_wanted(place: Path) -> None:
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "␛" not in terminal.shown(place, 80, *CALLS["show"], **variables)[1]
    assert "␛[" in terminal.shown(place, 80, *CALLS["show"], NO_COLOR="")[1]
    assert "␛" not in terminal.shown(place, 80, *CALLS["show"], "--color", "never")[1]


def test_nothing_is_expected_that_is_not_called() -> None:
    names = {f"{name}-{width}" for name in CALLS for width in (80, 120)}
    assert {path.stem for path in SNAPSHOTS.iterdir()} == names
