"""The cause of one leaf: what shapes say, what is known, and what stays open."""

from __future__ import annotations

import os
import random
import struct
import time
from typing import TYPE_CHECKING, Final

import pytest

from bom.compare.causes import explain
from bom.compare.protocol import Circumstances, Leaf

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING: Final = (Circumstances(), Circumstances())


def causes(
    one: str | bytes,
    two: str | bytes,
    known: tuple[Circumstances, Circumstances] = NOTHING,
    *,
    name: str = "made",
    path: str = "",
) -> list[str]:
    first, second = (item.encode() if isinstance(item, str) else item for item in (one, two))
    found = explain(Leaf(path or name, name, first, second), known)
    assert found, "there is always a cause, if only unknown"
    assert [difference.path for difference in found] == [path or name] * len(found)
    for difference in found:
        assert difference.remedy.endswith(".")
        assert difference.evidence.isprintable()
        assert bool(difference.candidates) <= (difference.cause == "unknown")
        assert list(difference.candidates) == sorted(difference.candidates)
    return [difference.cause for difference in found]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("2026-11-25T12:00:00Z", "2026-11-25T12:00:01Z"),
        ("2026-11-25 12:00", "2026-12-25 12:00"),
        ("2026-11-25", "2027-01-01"),
        ("Wed, 25 Nov 2026 12:00:00 +0000", "Thu, 26 Nov 2026 12:00:00 +0000"),
        ("Wed Nov 25 12:00:00 2026", "Fri Nov  6 12:00:00 2027"),
        ("Wed Nov 25 12:00:00 UTC 2026", "Wed Nov 25 12:00:00 JST 2026"),
        ("#Wed Nov 25 12:00:00 GMT 2026", "#Wed Nov 25 12:00:01 GMT 2026"),
        ("Wed 25 Nov 2026 12:00:00 PM UTC", "Wed 25 Nov 2026 01:00:00 PM UTC"),
        ("char b[] = \"Nov 25 2026\";", "char b[] = \"Dec  1 2026\";"),
        ("at 12:00:00", "at 12:00:03"),
        ("build-20261125120000", "build-20261125120001"),
        ("version 1.0.dev20261125", "version 1.0.dev20261126"),
        ("25 November 2026", "5 December 2026"),
        ("November 25, 2026", "December 5, 2026"),
        ("11/25/2026", "12/05/2026"),
        ("25.11.2026", "05.12.2026"),
        ("{\"built\": 1764072000}", "{\"built\": 1764072999}"),
        ("{\"built\": 1764072000123}", "{\"built\": 1764072999456}"),
        ("t = 1764072000.123", "t = 1764072001.5"),
        ("Nov 25 202612:00:00a.c", "Nov 25 202612:00:01a.c"),
        ("Copyright (c) 2025 The Authors", "Copyright (c) 2026 The Authors"),
        ("done in 3.21s", "done in 3.45s"),
    ],
)  # fmt: skip
def test_times_in_common_spellings_are_times(one: str, two: str) -> None:
    assert causes(f"a\n{one}\nb", f"a\n{two}\nb") == ["timestamp"]


def test_a_number_that_lies_at_both_builds_times_is_a_time() -> None:
    known = (
        Circumstances(started=1_764_072_000, finished=1_764_072_100),
        Circumstances(started=1_864_072_000, finished=1_864_072_100),
    )
    one, two = "x 1764072050 y", "x 1864072050 y"
    assert causes(one, two, known) == ["timestamp"]
    assert causes(one, two) == ["unknown"]


@pytest.mark.parametrize(
    ("one", "two", "cause"),
    [
        ("cc -I/home/a/app/include", "cc -I/builds/7/app/include", "path"),
        ("#!/home/a/venv/bin/python\n", "#!/tmp/b/venv/bin/python\n", "path"),
        ("/usr/src/one/a.c", "/usr/src/two/a.c", "path"),
        ("Built-By: anna", "Built-By: root", "owner"),
        ("uid=0(root)", "uid=1000(anna)", "owner"),
        ("anna@forge", "bert@forge", "owner"),
        ("drwxr-xr-x 2 anna users 4096 a", "drwxr-xr-x 2 bert users 4096 a", "owner"),
        ("anna@forge", "anna@anvil", "hostname"),
        ("Build-Host: forge.example.org", "Build-Host: anvil", "hostname"),
        ("-rw-r--r-- a", "-rw------- a", "mode"),
        ("mode: 644", "mode: 600", "mode"),
        ("0o755 bin", "0o700 bin", "mode"),
        ("umask 0022", "umask 0077", "mode"),
        ("LANG=C.UTF-8", "LANG=de_DE.UTF-8", "locale"),
        ("ratio 3.14", "ratio 3,14", "locale"),
        ("mi 25. nov 2026", "Wed 25 Nov 2026", "locale"),
        ("warning: x", "Warnung: x", "locale"),
        ("x: No such file or directory", "x: Datei oder Verzeichnis nicht gefunden", "locale"),
        ("na\u00efve", "na?ve", "locale"),
        (
            "id: 3b241101-e2bb-4255-8caf-4136c566a962",
            "id: 9b241101-e2bb-4255-8caf-4136c566a963",
            "uuid",
        ),
        ("make -j8", "make -j2", "parallelism"),
        ("CPUs: 8", "CPUs: 64", "parallelism"),
        ("{'a', 'b', 'c'}", "{'c', 'a', 'b'}", "hash-seed"),
        ("EDITOR=vi", "EDITOR=emacs", "environment"),
        ("Generator: bdist_wheel (0.43.0)", "Generator: bdist_wheel (0.45.1)", "tool-version"),
        ("Created-By: Apache Maven 3.8.7", "Created-By: Apache Maven 3.9.9", "tool-version"),
        ("rustc version 1.75.0", "rustc version 1.80.0", "tool-version"),
        ("idna==3.4", "idna==3.7", "dependency-version"),
        ("Requires-Dist: idna (>=3.4)", "Requires-Dist: idna (>=3.7)", "dependency-version"),
        ("Build-Id: 0123456789abcdef", "Build-Id: fedcba9876543210", "build-id"),
    ],
)
def test_what_a_shape_or_a_name_beside_it_says(one: str, two: str, cause: str) -> None:
    assert causes(one, two) == [cause]
    assert causes(f"first\n{one}\nlast\n", f"first\n{two}\nlast\n") == [cause]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("n = 2025", "n = 2031"),
        ("port 8080", "port 8081"),
        ("token deadbeefdeadbeef", "token 0123456789abcdef"),
        ("c1a2b3c4-1111-0111-1111-000000000000", "d1a2b3c4-1111-0111-1111-000000000000"),
        ("hello", "goodbye"),
        ("1.2.3", "1.23"),
        ("/usr/lib/gcc/12/crt.o", "/usr/lib/gcc/13/crt.o"),
        ("644", "600"),
        ("b\na\n", "a\nb\n"),
    ],
)
def test_what_nothing_decides_stays_unknown_with_candidates(one: str, two: str) -> None:
    (found,) = explain(Leaf("x", "x", one.encode(), two.encode()), NOTHING)
    assert found.cause == "unknown"
    assert found.candidates


def test_several_causes_in_one_file_are_all_found() -> None:
    one = "made 2026-11-25T12:00:00Z by anna@forge\nin /home/anna/app/x\nid 7\n"
    two = "made 2027-01-02T03:04:05Z by bert@anvil\nin /work/b/app/x\nid 7\nFLAVOUR=sour\n"
    assert causes(one, two) == ["environment", "hostname", "owner", "path", "timestamp"]


def test_one_date_may_differ_by_clock_and_by_language() -> None:
    one, two = "mer. 25 nov. 2026 12:00:01 UTC", "Thu Nov 26 12:00:00 UTC 2026"
    assert causes(one, two) == ["locale", "timestamp"]


def test_what_is_known_names_what_has_no_shape() -> None:
    known = (
        Circumstances(user="anna", hostname="forge", processors=3, variables={"X": "sweet"}),
        Circumstances(user="bert", hostname="anvil", processors=5, variables={"X": "sour"}),
    )
    assert causes("by anna", "by bert", known) == ["owner"]
    assert causes("on forge", "on anvil", known) == ["hostname"]
    assert causes("ran 3 times", "ran 5 times", known) == ["parallelism"]
    assert causes("it is sweet", "it is sour", known) == ["environment"]
    for one, two in (("by anna", "by bert"), ("on forge", "on anvil"), ("ran 3", "ran 5")):
        assert causes(one, two) == ["unknown"]


def test_what_is_known_of_one_build_alone_changes_nothing() -> None:
    one, two = "by anna on forge in /home/anna/app/x", "by anna on forge in /tmp/again/source/app/x"
    there = Circumstances(folder="/tmp/again/source", user="anna", hostname="forge")
    assert causes(one, two, (Circumstances(), there)) == ["path"]
    assert causes(f"\0{one}\0", f"\0{two}\0", (Circumstances(), there)) == ["path"]


def test_a_tools_or_a_dependencys_two_versions_are_named() -> None:
    known = (
        Circumstances(tools={"gcc": "13.2.0"}, dependencies={"pkg:pypi/idna": "3.4"}),
        Circumstances(tools={"gcc": "13.3.0"}, dependencies={"pkg:pypi/idna": "3.7"}),
    )
    (tool,) = explain(Leaf("x", "x", b"by 13.2.0\n", b"by 13.3.0\n"), known)
    assert (tool.cause, tool.evidence) == ("tool-version", "gcc 13.2.0 -> 13.3.0")
    (package,) = explain(Leaf("x", "lib/site-packages/idna/core.py", b"a = 1\n", b"a = 2\n"), known)
    assert (package.cause, package.evidence) == ("dependency-version", "idna 3.4 -> 3.7")
    assert "idna==3.4" in package.remedy


def test_a_language_s_order_and_the_order_of_bytes_prove_a_locale() -> None:
    words = ["Banana", "Cranberry", "apple", "blueberry", "cherry"]
    by_bytes = "\n".join(sorted(words))
    by_language = "\n".join(sorted(words, key=str.lower))
    assert causes(by_bytes, by_language) == ["locale"]
    shuffled = "\n".join(["cherry", "apple", "Banana", "blueberry", "Cranberry"])
    assert causes(by_bytes, shuffled) == ["unknown"]


def test_what_was_the_same_in_both_builds_is_ruled_out_for_an_order() -> None:
    one, two = b"x\ny\nz\n", b"z\nx\ny\n"
    (found,) = explain(Leaf("x", "x", one, two), NOTHING)
    assert found.candidates == ("hash-seed", "locale", "order", "parallelism")
    same = Circumstances(locale="C", processors=1, variables={"PYTHONHASHSEED": "0"})
    (found,) = explain(Leaf("x", "x", one, two), (same, same))
    assert (found.cause, found.candidates) == ("order", ())


@pytest.mark.parametrize(
    "name",
    [
        "var/log/apt/history.log", "var/cache/ldconfig/aux-cache", "var/lib/dpkg/status-old",
        "var/lib/apt/lists/x", "var/cache/debconf/config.dat", "lib/apk/db/scripts.tar",
        "var/lib/rpm/rpmdb.sqlite", "root/.cache/pip/x", "root/.npm/_cacache/x",
        "app/.pytest_cache/v/x", "app/__pycache__/test_x.cpython-312-pytest-8.0.0.pyc",
    ],
)  # fmt: skip
def test_logs_and_caches_are_told_by_their_place_whatever_differs_in_them(name: str) -> None:
    one, two = "2026-11-25 12:00:00 a", "2026-11-25 12:00:01 b"
    assert causes(one, two, name=name) == ["log-or-cache"]
    assert causes(one, two, name=f"./{name}") == ["log-or-cache"]


def test_a_folder_of_the_build_is_no_temporary_one_wherever_it_lies() -> None:
    one, two = "in /tmp/a/thing", "in /tmp/bom-rebuild-1/source/thing"
    known = (Circumstances(), Circumstances(folder="/tmp/bom-rebuild-1/source/thing"))
    for circumstances, word in ((NOTHING, "temporary"), (known, "relative to the project")):
        (found,) = explain(Leaf("x", "x", one.encode(), two.encode()), circumstances)
        assert found.cause == "path"
        assert word in found.remedy


def test_a_temporary_file_is_one_only_in_a_layer() -> None:
    assert causes("a", "b", name="tmp/x", path="layer 2 > tmp/x") == ["log-or-cache"]
    assert causes("a", "b", name="tmp/x", path="tmp/x") == ["unknown"]


def test_a_package_that_one_build_has_alone_is_named() -> None:
    name = "app/lib/idna-3.7.dist-info/METADATA"
    (found,) = explain(Leaf(name, name, b"", b"Name: idna", True, "two"), NOTHING)
    assert (found.cause, found.evidence) == ("dependency-version", "idna (none) -> 3.7")
    (found,) = explain(Leaf("a/b", "a/b", b"", b"x", True, "two"), NOTHING)
    assert (found.cause, found.evidence) == ("unknown", "only in build two")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("var/lib/dpkg/status", "Package: a\nVersion: 1\n\nPackage: libc6\nVersion: {}\n"),
        ("lib/apk/db/installed", "P:a\nV:1\n\nP:libc6\nV:{}\n"),
        ("app/node_modules/libc6/package.json", '{{"name": "libc6", "version": "{}"}}'),
    ],
)
def test_a_database_of_packages_says_which_versions_were_taken(name: str, content: str) -> None:
    one, two = content.format("2.36-9").encode(), content.format("2.36-10").encode()
    (found,) = explain(Leaf(name, name, one, two), NOTHING)
    assert (found.cause, found.evidence) == ("dependency-version", "libc6 2.36-9 -> 2.36-10")
    changed = one + b"\nInstalled-Time: 2026-11-25T12:00:00Z\n"
    assert causes(changed, changed.replace(b"12:00", b"12:01"), name=name) == ["timestamp"]


def record(folder: str, stamp: str) -> bytes:
    """A format of its own: lengths of texts in front of them, and of the whole at the start."""
    parts = [folder.encode() + b"/src/a.c", stamp.encode(), folder.encode() + b"/src/b.c"]
    body = b"".join(struct.pack("<I", len(part)) + part + b"\0\0" for part in parts)
    return b"REC\0" + struct.pack("<I", len(body)) + body + b"\0" * 16


def test_lengths_and_offsets_follow_from_a_folder_in_a_binary() -> None:
    one = record("/home/anna/app", "12:00:00")
    two = record("/builds/of/bert/app", "12:00:00")
    assert len(one) != len(two)
    assert causes(one, two) == ["path"]
    known = (Circumstances(folder="/home/anna/app"), Circumstances(folder="/builds/of/bert/app"))
    assert causes(one, two, known) == ["path"]
    assert causes(one, record("/builds/of/bert/app", "12:00:01")) == ["path", "timestamp"]


def test_another_difference_in_a_binary_is_not_hidden_by_a_folder() -> None:
    one = record("/home/anna/app", "x") + b"\0\x01\x02\x03\xf0\0\0\0\0"
    two = record("/builds/of/bert/app", "x") + b"\0\x81\xe2\x13\x10\0\0\0\0"
    assert causes(one, two) == ["path", "unknown"]


def test_a_pyc_has_the_time_of_its_source_and_a_folder() -> None:
    def compiled(folder: str, moment: int) -> bytes:
        code = b"\xe3\0\0\0" + b"z" + bytes([len(folder) + 5]) + folder.encode() + b"/a.py\0"
        return b"\xa7\x0d\r\n" + struct.pack("<III", 0, moment, 77) + code

    one, two = compiled("/home/anna", 1), compiled("/builds/bert/7", 2)
    assert causes(one, two, name="a.pyc") == ["path", "timestamp"]


def test_the_same_texts_in_another_order_in_a_binary_are_an_order() -> None:
    words = [b"crimson", b"green", b"blue", b"ultramarine"]
    one, two = (b"\0\1".join(row) + b"\0" for row in (words, words[::-1]))
    assert causes(one, two) == ["unknown"]
    head = b"\xa7\x0d\r\n" + b"\0" * 12
    assert causes(head + one, head + two, name="a.pyc") == ["hash-seed"]


def test_identities_of_windows_and_mac_programs_are_build_ids() -> None:
    def windows(stamp: int, identity: bytes) -> bytes:
        head = b"MZ" + b"\0" * 58 + struct.pack("<I", 64)
        return head + b"PE\0\0" + b"\0" * 4 + struct.pack("<I", stamp) + b"\0" * 200 + identity

    assert causes(windows(1, b"RSDS" + b"\1" * 20), windows(2, b"RSDS" + b"\2" * 20)) == [
        "build-id"
    ]

    def mac(identity: bytes) -> bytes:
        head = b"\xcf\xfa\xed\xfe" + b"\0" * 12 + struct.pack("<I", 1) + b"\0" * 12
        return head + struct.pack("<II", 0x1B, 24) + identity

    assert causes(mac(b"\1" * 16), mac(b"\2" * 16)) == ["build-id"]


def test_a_build_id_that_follows_from_something_else_is_not_told() -> None:
    one = b'\0Go build ID: "aaaa/bbbb"\0/home/anna/app/x.go\0'
    two = b'\0Go build ID: "cccc/dddd"\0/home/bert/app/x.go\0'
    assert causes(one, two) == ["path"]
    assert causes(one, one.replace(b"aaaa", b"eeee")) == ["build-id"]


def test_evidence_is_one_short_line_that_no_terminal_acts_on() -> None:
    one, two = b"\x1b[2J" + b"x" * 5000, b"\x1b[3J" + b"y" * 5000
    for difference in explain(Leaf("x", "x", one, two), NOTHING):
        assert "\x1b" not in difference.evidence
        assert len(difference.evidence) < 300


SIZE: Final = 8 * 1024 * 1024


def lines(count: int, step: int = 1) -> bytes:
    return b"".join(b"%d\n" % number for number in range(0, count * step, step))[:SIZE]


HOSTILE: Final[dict[str, Callable[[], tuple[bytes, bytes]]]] = {
    "noise": lambda: (os.urandom(SIZE), os.urandom(SIZE - 9)),
    "zeros": lambda: (b"\0" * SIZE, b"\xff" * SIZE),
    "one line and many": lambda: (b"a" * SIZE, b"\n" * SIZE),
    "empty lines": lambda: (b"\n" * SIZE, b"\n" * (SIZE - 1)),
    "slashes": lambda: (b"/a" * (SIZE // 2), b"/b" * (SIZE // 2)),
    "dots": lambda: (b"1." * (SIZE // 2), b"1," * (SIZE // 2)),
    "dashes": lambda: (b"-" * SIZE, b"-" * (SIZE - 1) + b"x"),
    "numbers": lambda: (lines(900_000), lines(900_000, 7)),
    "reversed": lambda: (lines(900_000), b"\n".join(lines(900_000).split(b"\n")[::-1])),
    "one string": lambda: (b"\0" + b"ab" * (SIZE // 2 - 1), b"\0" + b"ac" * (SIZE // 2 - 1)),
    "strings": lambda: (
        lines(900_000).replace(b"\n", b"abc\0"),
        lines(900_000, 3).replace(b"\n", b"abcd\0"),
    ),
}


def test_very_many_lines_in_another_order_are_still_told_by_their_order() -> None:
    words = [f"{number:06}{letter}" for number in range(150_000) for letter in ("a", "B")]
    language, plain = sorted(words, key=str.casefold), sorted(words)
    (found,) = explain(
        Leaf("x", "x", "\n".join(language).encode(), "\n".join(plain).encode()), NOTHING
    )
    assert found.cause == "locale"
    assert found.evidence.startswith("10000 or more elements in another order: 000000a, 000000B,")
    backwards = "\n".join(plain[::-1]).encode()
    (found,) = explain(Leaf("x", "x", backwards, "\n".join(language).encode()), NOTHING)
    assert found.candidates == ("hash-seed", "locale", "order", "parallelism")


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_contents_are_soon_done_with(kind: str) -> None:
    one, two = HOSTILE[kind]()
    began = time.process_time()
    found = explain(Leaf("x", "x", one, two), NOTHING)
    assert found
    assert time.process_time() - began < 5  # of a processor that others use too; alone about 1


def test_whatever_two_contents_hold_there_is_an_answer() -> None:
    choose = random.Random(6)
    pieces = [
        b"/", b"a", b"\n", b"\0", b"2026-11-25", b"12:00", b"/home/a/b", b"0644", b"{'a', 'b'}",
        b"\xff", b"\x7fELF", b"=", b"NAME=", b"@", b" ", b"root", b"-j8", b"1.2.3", b"\xc3\xa9",
        b"\xca\xfe\xba\xbe\0\0\0", b"\x1f\x8b\x08", b"MZ", b"RSDS", b"PE\0\0", b"\r\n",
    ]  # fmt: skip
    for _ in range(600):
        one, two = (b"".join(choose.choices(pieces, k=choose.randrange(30))) for _ in range(2))
        if one != two:
            causes(one, two, name=choose.choice(["x", "x.pyc", "var/log/x", ".note"]))
