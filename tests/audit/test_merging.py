"""Several advisories about one thing are one finding; what is accepted, and until when."""

from __future__ import annotations

from datetime import date

from bom.audit.merging import merged, with_ignored
from bom.audit.model import Hit, Ignore, Level, Package, Rating

JINJA = Package("pkg:pypi/jinja2@3.1.2", "jinja2", "3.1.2", ("pkg:pypi/jinja2@3.1.2",))
FLASK = Package("pkg:pypi/flask@2.0", "flask", "2.0", ("pkg:pypi/flask@2.0",))


def hit(
    *ids: str, package: Package = JINJA, level: Level = Level.UNKNOWN, fixed: str = "3.1.4"
) -> Hit:
    return Hit(package, ids, (fixed,), Rating(level), f"about {ids[0]}", modified="2026")


def test_advisories_with_a_common_id_are_one_finding_with_all_that_they_say() -> None:
    [found] = merged(
        [
            hit("PYSEC-1", "CVE-2026-1", level=Level.LOW),
            hit("GHSA-x", "CVE-2026-1", level=Level.HIGH, fixed="3.1.5"),
        ]
    )
    assert (found.id, found.aliases) == ("CVE-2026-1", ("GHSA-x", "PYSEC-1"))
    assert found.rating.level is Level.HIGH
    assert sorted(found.fixed) == ["3.1.4", "3.1.5"]


def test_an_advisory_that_ties_two_others_together_makes_one_of_all() -> None:
    hits = [hit("A-1"), hit("B-1"), hit("C-1", "A-1", "B-1")]
    assert [item.id for item in merged(hits)] == ["A-1"]
    assert [item.id for item in merged(reversed(hits))] == ["A-1"]


def test_one_id_in_two_packages_is_two_findings() -> None:
    found = merged([hit("CVE-1"), hit("CVE-1", package=FLASK)])
    assert [item.package.name for item in found] == ["flask", "jinja2"]


def test_the_most_severe_stands_first() -> None:
    found = merged([hit("A", level=Level.LOW), hit("B", level=Level.CRITICAL), hit("C")])
    assert [item.id for item in found] == ["B", "A", "C"]


def test_what_is_accepted_is_so_up_to_its_last_day() -> None:
    found = merged([hit("GHSA-x", "CVE-2026-1")])
    accepted = Ignore("GHSA-x", "not reachable", date(2026, 6, 30))
    on_time, notes = with_ignored(found, [accepted], date(2026, 6, 30))
    assert on_time[0].ignored is accepted
    assert notes == ()
    late, notes = with_ignored(found, [accepted], date(2026, 7, 1))
    assert late[0].ignored is None
    assert notes == ("GHSA-x is not ignored any more: that ended with 2026-06-30",)


def test_what_is_accepted_and_not_there_is_noted() -> None:
    _, notes = with_ignored((), [Ignore("CVE-9", "x", date(2030, 1, 1))], date(2026, 1, 1))
    assert notes == ("CVE-9 is ignored, and nothing here has it",)
