"""Each ordering against the ecosystem's own tool, over versions made up at random (the same ones in
every run) and the ones that are known to be hard."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bom.versions import debian, gems, maven, packagist, rpm, semver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Need

_PAIRS: Final = 1500


def pairs(
    atoms: Sequence[str],
    form: Callable[[random.Random, Sequence[str]], str],
    hard: Sequence[str],
    count: int = _PAIRS,
) -> list[tuple[str, str]]:
    """All pairs of the hard ones, and pairs at random."""
    chance = random.Random(7)
    found = [(one, two) for one in hard for two in hard]
    while len(found) < count:
        found.append((form(chance, atoms), form(chance, atoms)))
    return found


def order(key: Callable[[str], Any], one: str, two: str) -> int:
    left, right = key(one), key(two)
    return 1 if left > right else -1 if left < right else 0


def disagreements(
    key: Callable[[str], Any], given: list[tuple[str, str]], said: list[int]
) -> list[tuple[str, str, int]]:
    assert len(given) == len(said)
    return [
        (one, two, theirs)
        for (one, two), theirs in zip(given, said, strict=True)
        if order(key, one, two) != theirs
    ]


def answers(command: list[str], text: str = "") -> list[int]:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


def lines(given: list[tuple[str, str]]) -> str:
    return "".join(f"{one} {two}\n" for one, two in given)


def strung(chance: random.Random, atoms: Sequence[str]) -> str:
    return str(chance.randint(0, 3)) + "".join(
        chance.choice(atoms) for _ in range(chance.randint(0, 5))
    )


def test_debian_versions_are_ordered_as_dpkg_orders_them(need: Need) -> None:
    need("dpkg"), need("sh")
    hard = (
        "1.0",
        "1.0~rc1",
        "1.0~~",
        "1:0.9",
        "1.0-1",
        "1.0-1~bpo12+1",
        "1.0+dfsg-1",
        "1.0a",
        "01.0",
        "0:1.0",
        "1.0-0",
        "1.0.",
        "1.0~rc1-2.1",
        "1.0-1+deb12u1",
        "1.0-1ubuntu2",
    )
    atoms = (".", "-", "~", "+", "a", "b", "0", "1", "10", "rc", ".0", "-1")
    given = pairs(atoms, strung, hard, 700)
    given = [pair for pair in given if not any(word.endswith("-") for word in pair)]
    script = (
        "while read -r a b; do if dpkg --compare-versions $a lt $b; then echo -1; "
        "elif dpkg --compare-versions $a gt $b; then echo 1; else echo 0; fi; done"
    )
    assert disagreements(debian.key, given, answers(["sh", "-c", script], lines(given))) == []


def test_rpm_versions_are_ordered_as_rpm_orders_them(need: Need) -> None:
    need("rpm")
    hard = (
        "1.0",
        "1.0~rc1",
        "1.0^git1",
        "1:0.9-1",
        "1.0-1",
        "1.0-1.el9",
        "1.0-1.el9_2",
        "1.0a",
        "0:1.0-1.el9",
        "1.0.1",
        "1.0-10",
        "1.0-9",
    )
    atoms = (".", "~", "^", "_", "a", "b", "0", "1", "10", "el", ".0", "+")
    given = pairs(atoms, strung, hard)
    rows = ",".join(f'{{"{one}","{two}"}}' for one, two in given)
    lua = f"for _, p in ipairs({{{rows}}}) do print(rpm.vercmp(p[1], p[2]) .. ' ') end"
    assert disagreements(rpm.key, given, answers(["rpm", "--eval", f"%{{lua:{lua}}}"])) == []


def test_maven_versions_are_ordered_as_maven_orders_them(need: Need) -> None:
    need("java")
    home = Path(need("mvn")).resolve().parents[1]
    jars = [*home.glob("lib/maven-artifact-*.jar"), *home.glob("lib/commons-lang3*.jar")]
    assert jars
    hard = (
        "1",
        "1.0",
        "1-ga",
        "1.final",
        "1-alpha",
        "1-a1",
        "1-alpha-1",
        "1.0-rc1",
        "1.0-cr1",
        "1-sp",
        "1-SNAPSHOT",
        "1-1",
        "1.1",
        "1-foo",
        "1.foo",
        "1.0.0-jre",
        "1.0.0-android",
        "1.0.RELEASE",
        "1.0.Final-redhat-1",
        "1-0",
        "1.",
        "2.0.0.RC1",
        "2.0.0.M2",
        "1-xyz",
        "20040616",
        "1.0-20200101.123456-1",
        "1x",
        "1-1x",
        "1.0-beta-0",
    )
    atoms = (
        ".",
        "-",
        ".0",
        "-0",
        "1",
        "2",
        "10",
        "a",
        "b1",
        "rc",
        "alpha",
        "sp",
        "x",
        "ga",
        "-alpha-",
        ".1",
        "-1",
        "snapshot",
    )
    given = pairs(atoms, strung, hard, 4000)
    words = [word for pair in given for word in pair]
    name = "org.apache.maven.artifact.versioning.ComparableVersion"
    done = subprocess.run(
        [
            "java",
            "-cp",
            ":".join(map(str, jars)),
            name,
            *words,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    signs = {"<": -1, "==": 0, ">": 1}
    told = [row.split() for row in done.stdout.splitlines() if row.startswith("   ")]
    # one row between each and the next: every second one is of a pair
    said = [signs[row[1]] for row in told[::2]]
    assert disagreements(maven.key, given, said) == []


def test_gem_versions_are_ordered_as_rubygems_orders_them(need: Need) -> None:
    need("ruby")
    hard = (
        "1.0",
        "1.0.0",
        "1.0.a",
        "1.0.rc1",
        "1.0-1",
        "1.0.0.pre",
        "1.b1",
        "2.0.0.rc.2",
        "1.0.0-java",
        "1.0.0.0.a.0",
        "01",
    )
    atoms = (".1", ".0", ".a", ".rc1", "-1", ".10", ".pre.2", ".b", ".0.0")
    given = pairs(atoms, strung, hard)
    given = [pair for pair in given if all(word.count("-") < 2 for word in pair)]
    script = (
        "STDIN.each_line { |l| a, b = l.split; puts Gem::Version.new(a) <=> Gem::Version.new(b) }"
    )
    assert disagreements(gems.key, given, answers(["ruby", "-e", script], lines(given))) == []


def test_npm_versions_are_ordered_as_npm_s_semver_orders_them(need: Need) -> None:
    npm = need("npm")
    folder = Path(npm).resolve().parents[1] / "node_modules" / "semver"
    assert folder.is_dir() or need("node_modules/semver")

    def form(chance: random.Random, atoms: Sequence[str]) -> str:
        numbers = ".".join(str(chance.choice((0, 1, 2, 10))) for _ in range(3))
        words = [chance.choice(atoms) for _ in range(chance.randint(0, 3))]
        build = chance.choice(("", "", "+a", "+1.b"))
        return numbers + (f"-{'.'.join(words)}" if words else "") + build

    hard = (
        "1.0.0",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0+5",
        "1.0.0-0",
        "1.0.0--",
        "1.0.0-0.20200101120000-abcdef012345",
    )
    given = pairs(("a", "b", "0", "1", "10", "rc", "x-1", "A", "0a"), form, hard)
    script = (
        f"const s = require({str(folder)!r});"
        "for (const l of require('fs').readFileSync(0, 'utf8').trim().split('\\n')) {"
        " const [a, b] = l.split(' '); console.log(s.compare(a, b)) }"
    )
    assert disagreements(semver.key, given, answers(["node", "-e", script], lines(given))) == []


def test_composer_versions_are_ordered_as_composer_orders_them(need: Need) -> None:
    need("php"), need("composer")
    hard = (
        "1.0",
        "1.0.0",
        "v1.0.0",
        "1.0.0-beta1",
        "1.0.0-b1",
        "1.0.0beta1",
        "1.0.0-RC1",
        "1.0.0-rc.2",
        "1.0.0-alpha",
        "1.0.0-p1",
        "1.0.0-patch1",
        "1.0.0-dev",
        "1.0.0.1",
        "1.0.0-stable",
        "1.0.0-alpha2.1",
        "2020.01.02",
        "1.0.0-pl3",
        "20200102",
        "1.0.0+meta",
    )

    def form(chance: random.Random, atoms: Sequence[str]) -> str:
        numbers = ".".join(str(chance.choice((0, 1, 2, 10))) for _ in range(chance.randint(1, 4)))
        return numbers + chance.choice(atoms)

    atoms = ("", "", "-alpha", "-beta2", "-RC1", "-rc10", "-p1", "-dev", "a1", "-b3", "-alpha.1")
    given = pairs(atoms, form, hard)
    script = (
        "require '/usr/share/php/Composer/Semver/autoload.php';"
        "use Composer\\Semver\\Comparator; use Composer\\Semver\\VersionParser;"
        "$p = new VersionParser(); while ($l = fgets(STDIN)) { [$a, $b] = explode(' ', trim($l));"
        " $a = $p->normalize($a); $b = $p->normalize($b);"
        " echo Comparator::greaterThan($a, $b) ? 1 : (Comparator::lessThan($a, $b) ? -1 : 0);"
        ' echo "\\n"; }'
    )
    assert disagreements(packagist.key, given, answers(["php", "-r", script], lines(given))) == []
