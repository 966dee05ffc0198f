"""Counting independent rebuilders: which attestations count, and which don't."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bom.compose import statement
from bom.difference import Comparison, Level
from bom.errors import BomError
from bom.model import Verdict
from bom.rebuilders import ATTESTATION, Demand, found_beside, judged
from bom.sign import dsse
from bom.sign.keys import PrivateKey
from bom.sign.trust import TrustedKey

if TYPE_CHECKING:
    from pathlib import Path

SEALED, BUILT, COMMIT = "ab" * 32, "cd" * 32, "e" * 40
SEALER = PrivateKey.generate("ecdsa-p256")
ANNA = PrivateKey.generate("ecdsa-p256")
BEN = PrivateKey.generate("ed25519")
GOOD = Verdict("app.tar", signed_by=(SEALER.public.key_id,), subject_sha256=BUILT, commit=COMMIT)


def trusted(*keys: tuple[str, PrivateKey]) -> tuple[TrustedKey, ...]:
    return tuple(TrustedKey(name, key.public) for name, key in keys)


BOTH = trusted(("anna.pub", ANNA), ("ben.pub", BEN))


def word(
    key: PrivateKey,
    verdict: Level = "same",
    *,
    sealed: str = SEALED,
    built: str = BUILT,
    commit: str = COMMIT,
) -> bytes:
    subjects = [statement.Named("app.tar", sealed), statement.Named("app.tar (as built)", built)]
    found = statement.Rebuild(
        Comparison(verdict),
        commit,
        "12" * 32,
        built,
        key.public.key_id,
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:06Z",
    )
    return dsse.envelope(statement.rebuild(subjects, found), key) + b"\n"


def ask(folder: Path, words: list[bytes], demand: Demand, verdict: Verdict = GOOD) -> Verdict:
    files = []
    for number, line in enumerate(words):
        files.append(folder / f"{number}.json")
        files[-1].write_bytes(line)
    return judged(verdict, SEALED, files, demand)


def test_two_people_who_got_the_same_are_two(tmp_path: Path) -> None:
    found = ask(tmp_path, [word(ANNA), word(BEN)], Demand(2, BOTH))
    assert found.good
    assert found.rebuilt_by == ("anna.pub", "ben.pub")
    assert found.warnings == ()


def test_lines_of_one_file_count_as_files_do(tmp_path: Path) -> None:
    assert ask(tmp_path, [word(ANNA) + word(BEN)], Demand(2, BOTH)).good


def test_one_key_counts_once_whatever_it_is_called(tmp_path: Path) -> None:
    keys = (*BOTH, *trusted(("again.pub", ANNA)))
    found = ask(tmp_path, [word(ANNA), word(ANNA), word(ANNA)], Demand(2, keys))
    (finding,) = found.findings
    assert (finding.code, finding.expected, finding.found) == ("rebuilds", "2", "1 (anna.pub)")


def test_the_key_that_sealed_it_is_nobody_else(tmp_path: Path) -> None:
    keys = trusted(("release.pub", SEALER))
    found = ask(tmp_path, [word(SEALER)], Demand(1, keys))
    assert [item.code for item in found.findings] == ["rebuilds"]
    assert found.warnings == (
        "0.json does not count: the key that sealed the artifact signed it: that is nobody else",
    )


WORDS = [
    (word(PrivateKey.generate("ecdsa-p256")), "no trusted rebuilder signed it"),
    (word(ANNA, sealed="00" * 32), "it is about another file"),
    (word(ANNA, built="00" * 32), "it is about another file"),
    (word(ANNA, commit="0" * 40), "it is about another file"),
    (word(ANNA, "normalised"), "it says `normalised`"),
    (word(ANNA, "different"), "it says `different`"),
    (
        dsse.envelope(statement.bom_predicate([statement.Named("app.tar", SEALED)], {}), ANNA),
        "it is no statement about a rebuild",
    ),
    (b"not json", "no trusted rebuilder signed it"),
    (b"{}", "no trusted rebuilder signed it"),
    (word(ANNA).replace(b'"sig"', b'"sgi"'), "no trusted rebuilder signed it"),
]


@pytest.mark.parametrize(("line", "why"), WORDS)
def test_what_does_not_count_is_told_with_the_reason(line: bytes, why: str, tmp_path: Path) -> None:
    found = ask(tmp_path, [line], Demand(1, BOTH))
    assert [item.code for item in found.findings] == ["rebuilds"]
    assert found.warnings == (f"0.json does not count: {why}",)


def test_the_same_after_normalising_counts_where_that_is_accepted(tmp_path: Path) -> None:
    demand = Demand(1, BOTH, ("same", "normalised"))
    assert ask(tmp_path, [word(ANNA, "normalised")], demand).good
    assert not ask(tmp_path, [word(ANNA, "different")], demand).good


def test_other_findings_stay(tmp_path: Path) -> None:
    from bom.model import Finding

    bad = replace(GOOD, findings=(Finding("damaged", "x"),))
    found = ask(tmp_path, [word(ANNA)], Demand(1, BOTH), bad)
    assert [item.code for item in found.findings] == ["damaged"]


def test_those_beside_the_artifact_are_found(tmp_path: Path) -> None:
    for name in ("app.tar", "app.tar.gz"):
        (tmp_path / name).touch()
        (tmp_path / ATTESTATION.format(name, "0123456789abcdef")).touch()
    (tmp_path / "app.tar.sigstore.jsonl").touch()
    assert [path.name for path in found_beside(tmp_path / "app.tar")] == [
        "app.tar.rebuild.0123456789abcdef.sigstore.json"
    ]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BomError, match="can't be read"):
        judged(GOOD, SEALED, [tmp_path / "nope"], Demand(1, BOTH))


def test_a_file_of_endless_lines_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "many").write_bytes(b"\n" * 2000)
    with pytest.raises(BomError, match="too large"):
        judged(GOOD, SEALED, [tmp_path / "many"], Demand(1, BOTH))
