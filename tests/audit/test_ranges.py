"""Which versions an advisory is about: the OSV schema's evaluation algorithm."""

from __future__ import annotations

import pytest

from bom.audit.model import Affected, EventKind, Lookup, Range
from bom.audit.ranges import Undecided, judge


def said(
    *events: tuple[EventKind, str], kind: str = "ECOSYSTEM", versions: tuple[str, ...] = ()
) -> Affected:
    return Affected("PyPI", "x", versions, (Range(kind, events),) if events else ())


def affected(found: Affected, version: str, ecosystem: str = "PyPI") -> bool:
    return judge(found, Lookup(ecosystem, "", "x", version)).affected


def test_a_range_goes_from_introduced_to_before_fixed() -> None:
    found = said(("introduced", "1.0"), ("fixed", "1.5"))
    assert [affected(found, v) for v in ("0.9", "1.0", "1.0.0", "1.4.9", "1.5rc1", "1.5", "2")] == [
        False, True, True, True, True, False, False,
    ]  # fmt: skip


def test_zero_is_before_every_version() -> None:
    assert affected(said(("introduced", "0"), ("fixed", "1")), "0.dev0")
    assert affected(said(("introduced", "0")), "999")


def test_last_affected_is_affected_itself() -> None:
    found = said(("introduced", "0"), ("last_affected", "1.5"))
    assert [affected(found, v) for v in ("1.5", "1.5.0", "1.5.post1", "1.6")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_events_count_in_the_order_of_versions_and_not_as_they_stand() -> None:
    found = said(("fixed", "2.1"), ("introduced", "2.0"), ("fixed", "1.1"), ("introduced", "1.0"))
    assert [affected(found, v) for v in ("1.0", "1.1", "1.9", "2.0", "2.1")] == [
        True, False, False, True, False,
    ]  # fmt: skip


def test_what_is_introduced_again_where_it_was_fixed_is_affected() -> None:
    assert affected(said(("introduced", "0"), ("fixed", "1"), ("introduced", "1")), "1")


def test_a_limit_ends_a_range_and_a_star_is_none() -> None:
    assert not affected(said(("introduced", "0"), ("limit", "2")), "2")
    assert affected(said(("introduced", "0"), ("limit", "2")), "1.9")
    assert affected(said(("introduced", "0"), ("limit", "*")), "99")


def test_listed_versions_count_however_they_are_spelt() -> None:
    found = said(versions=("1.0", "1.2.0", "nonsense"))
    assert affected(found, "1.2")
    assert not affected(found, "1.3")


def test_a_range_of_commits_beside_listed_versions_is_left_out() -> None:
    found = Affected("PyPI", "x", ("1.0",), (Range("GIT", (("introduced", "0"),)),))
    assert affected(found, "1.0")
    assert not affected(found, "2.0")


@pytest.mark.parametrize(
    ("found", "version"),
    [
        (said(("introduced", "0"), ("fixed", "deadbeef"), kind="GIT"), "1.0"),
        (said(("introduced", "0"), ("fixed", "not a version")), "1.0"),
        (said(("introduced", "0"), ("fixed", "1.0")), "not a version"),
        (said(), "1.0"),
    ],
)
def test_what_can_t_be_decided_is_not_called_clean(found: Affected, version: str) -> None:
    with pytest.raises(Undecided):
        affected(found, version)


def test_the_fix_is_the_next_one_of_each_branch() -> None:
    found = said(("introduced", "1"), ("fixed", "1.9"), ("introduced", "2"), ("fixed", "2.3"))
    assert judge(found, Lookup("PyPI", "", "x", "1.5")).fixed == ("1.9",)
    assert judge(found, Lookup("PyPI", "", "x", "2.0")).fixed == ("2.3",)


def test_debian_versions_are_compared_as_debian_does() -> None:
    found = said(("introduced", "0"), ("fixed", "3.0.11-1~deb12u2"))
    assert affected(found, "3.0.11-1~deb12u1", "Debian")
    assert not affected(found, "3.0.11-1", "Debian")
