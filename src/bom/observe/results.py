"""What a test or linter run found: JUnit XML and SARIF 2.1.0, both from hostile hands.

JUnit has no standard; this reads what pytest, surefire, gradle, jest, gtest and go-junit-report
write: `testcase` elements at any depth, with `failure`, `error` or `skipped` inside.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote
from xml.etree.ElementTree import ParseError

from bom.errors import BomError
from bom.input import read_bounded
from bom.redact import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

SIZE_LIMIT: Final = 64 * 1024 * 1024  # bytes of one report
_NAMES: Final = 10_000  # names that are kept of one report
_NAME_LENGTH: Final = 500  # characters
_DEPTH: Final = 100  # nesting of suites, and of JSON
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Results:
    """Counts are -1 where a report doesn't tell. `failed`: sorted names, one for each failure."""

    tests: int = -1
    failures: int = -1
    skipped: int = -1
    failed: tuple[str, ...] = ()

    def __add__(self, other: Results) -> Results:
        return Results(
            _sum(self.tests, other.tests),
            _sum(self.failures, other.failures),
            _sum(self.skipped, other.skipped),
            tuple(sorted(set(self.failed + other.failed))),
        )


def _sum(one: int, other: int) -> int:
    return max(one, 0) + max(other, 0) if one >= 0 or other >= 0 else -1


def read_junit(path: Path) -> Results:
    """The results in a JUnit XML report. Raises BomError where it can't be read."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(_content(path), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _unreadable(path, "JUnit XML") from error
    if _tag(root) not in ("testsuites", "testsuite"):
        raise _unreadable(path, "JUnit XML")
    cases = skipped = broken_suites = 0
    failed: list[str] = []
    for element, parent in _walk(path, root):
        tag, kinds = _tag(element), {_tag(child) for child in element}
        if tag == "testcase":
            cases += 1
            if kinds & {"failure", "error"}:
                failed.append(_case_name(element, parent))
            elif "skipped" in kinds or element.get("status") in ("notrun", "disabled", "skipped"):
                skipped += 1
        elif tag == "testsuite" and kinds & {"failure", "error"}:
            broken_suites += 1  # it broke before its first case
            failed.append(element.get("name") or "(suite without a name)")
    stated = _stated(root)
    tests = max(cases, stated["tests"])
    failures = max(len(failed), stated["failures"] + stated["errors"])
    skips = max(skipped, stated["skipped"] + stated["disabled"]) if not cases else skipped
    return Results(tests, failures, skips, _names(failed))


def _walk(path: Path, root: Element) -> Iterator[tuple[Element, Element]]:
    pending = [(root, root, 0)]
    while pending:
        element, parent, depth = pending.pop()
        if depth > _DEPTH:
            raise _unreadable(path, "JUnit XML: it is nested too deeply")
        yield element, parent
        if _tag(element) in ("testsuites", "testsuite"):
            pending += [(child, element, depth + 1) for child in element]


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _case_name(case: Element, suite: Element) -> str:
    name = case.get("name") or "(no name)"
    of = case.get("classname") or suite.get("name") or ""
    return f"{of}.{name}" if of else name


def _stated(root: Element) -> dict[str, int]:
    """Counts in the attributes of the root, else of its suites together."""
    suites = [root] if root.get("tests") else [e for e in root if _tag(e) == "testsuite"]
    keys = ("tests", "failures", "errors", "skipped", "disabled")
    return {key: sum(_count(suite.get(key, "0")) for suite in suites) for key in keys}


def _count(stated: str) -> int:
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 10 else 0


def read_sarif(path: Path, root: Path) -> Results:
    """The results in a SARIF 2.1.0 log (OASIS sarif-v2.1.0, 3.27). Raises BomError.

    Results of kind "fail" and level "error" or "warning" are failures, unless suppressed or
    absent; how many rules were tested SARIF doesn't tell, so `tests` is -1. Absolute paths
    become relative to `root`.
    """
    try:
        log = json.loads(_content(path))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, "SARIF") from error
    runs = log.get("runs") if isinstance(log, dict) else None
    if not isinstance(runs, list) or not str(log.get("version", "")).startswith("2.1"):
        raise _unreadable(path, "SARIF 2.1")
    failed: list[str] = []
    suppressed = 0
    for run in _mappings(runs):
        levels = _default_levels(run)
        for invocation in _mappings(run.get("invocations")):
            if invocation.get("executionSuccessful") is False:
                failed.append("(the tool did not run to its end)")
        for result in _mappings(run.get("results")):
            if not _is_failure(result, levels):
                continue
            if _is_suppressed(result):
                suppressed += 1
            else:
                failed.append(f"{_rule(result)} {_location(result, root)}".strip())
    return Results(-1, len(failed), suppressed, _names(failed))


def _mappings(found: object) -> Iterator[Mapping[str, object]]:
    if isinstance(found, list):
        yield from (item for item in found if isinstance(item, dict))


def _mapping(found: object, *keys: str) -> Mapping[str, object]:
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _default_levels(run: Mapping[str, object]) -> dict[str, str]:
    """ruleId -> level of its default configuration (3.49.14)."""
    rules = _mappings(_mapping(run, "tool", "driver").get("rules"))
    return {
        str(rule.get("id", "")): str(_mapping(rule, "defaultConfiguration").get("level", ""))
        for rule in rules
    }


def _is_failure(result: Mapping[str, object], levels: Mapping[str, str]) -> bool:
    if result.get("kind", "fail") != "fail" or result.get("baselineState") == "absent":
        return False
    level = result.get("level") or levels.get(_rule(result)) or "warning"
    return level in ("error", "warning")


def _is_suppressed(result: Mapping[str, object]) -> bool:
    found = list(_mappings(result.get("suppressions")))
    return bool(found) and all(one.get("status", "accepted") == "accepted" for one in found)


def _rule(result: Mapping[str, object]) -> str:
    return str(result.get("ruleId") or _mapping(result, "rule").get("id") or "(no rule)")


def _location(result: Mapping[str, object], root: Path) -> str:
    first = next(_mappings(result.get("locations")), {})
    physical = _mapping(first, "physicalLocation")
    uri = unquote(str(_mapping(physical, "artifactLocation").get("uri", "")))
    line = _mapping(physical, "region").get("startLine")
    if uri.startswith("file:"):
        uri = "/" + uri.removeprefix("file:").lstrip("/")
    path = PurePosixPath(uri)
    if path.is_absolute():
        uri = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
    return f"{uri}:{line}" if isinstance(line, int) and uri else uri


def _names(failed: list[str]) -> tuple[str, ...]:
    """Sorted, without control characters and secrets, cut where a hostile report is endless."""
    plain = {text(_CONTROL.sub(" ", _whole(name)).strip())[:_NAME_LENGTH] for name in failed}
    return tuple(sorted(plain)[:_NAMES])


def _whole(name: str) -> str:
    """Lone surrogates (JSON's \\ud800) can't be written as UTF-8."""
    return name[: 4 * _NAME_LENGTH].encode("utf-8", "replace").decode("utf-8")


def _content(path: Path) -> bytes:
    try:
        return read_bounded(path, SIZE_LIMIT)
    except OSError as error:
        raise BomError(f"the report {path.name} can't be read: {error.strerror}") from error


def _unreadable(path: Path, what: str) -> BomError:
    return BomError(
        f"the report {path.name} is no {what}", hint="is the report written where you say it is?"
    )
