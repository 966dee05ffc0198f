"""Programs that Go made: what is found in them, held against `go version -m`."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.go_modules import Workshop

from bom.catalog.compare import compare
from bom.catalog.golang import Go
from bom.catalog.golang.build_info import parse, take
from bom.catalog.golang.module import H1, LOCAL, REPLACES, reference
from bom.catalog.golang.sums import differing_sums
from bom.catalog.golang.wanted import ERROR, MODULES, VERSION
from bom.catalog.interest import Wanted
from bom.catalog.protocol import Owned
from bom.catalog.stated import Unreadable
from bom.catalog.view import directory_view
from bom.model import Dependency, Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Need

    from bom.catalog.view import DirectoryView


@pytest.fixture(scope="session")
def workshop(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(need("go"), tmp_path_factory.mktemp("go"))


def view_of(root: Path) -> DirectoryView:
    return directory_view(root, Wanted([Go()]))[0]


def installed(root: Path) -> list[Dependency | Gap | Finding | Owned]:
    return list(Go().installed(view_of(root)))


def components(items: Iterable[object]) -> dict[str, Dependency]:
    return {item.component.bom_ref: item for item in items if isinstance(item, Dependency)}


def property_of(item: Dependency, name: str) -> list[str]:
    return [one.value for one in item.component.properties if one.name == name]


class Told(NamedTuple):
    """What `go version -m` prints of a program."""

    refs: set[str]
    sums: dict[str, str]
    main: str


def told(printed: str) -> Told:
    first, *lines = printed.splitlines()
    toolchain = next(word for word in first.split(": ")[-1].split() if word.startswith("go1"))
    refs = {f"pkg:golang/stdlib@{toolchain.removeprefix('go')}"}
    sums: dict[str, str] = {}
    main = original = ""
    for line in lines:
        match line.split("\t")[1:]:
            case ["mod", path, version, *_]:
                main = original = reference(path, "" if version == "(devel)" else version)
                refs.add(main)
            case ["dep", path, version, *rest]:
                bare = reference(path)
                original = reference(path, "" if version == "(devel)" else version)
                refs.add(original)
                if rest and rest[0]:
                    sums[original] = rest[0]
            case ["=>", path, version, sum]:
                refs.discard(original)
                replaced = bare if path.startswith("./") else reference(path, version)
                refs.add(replaced)
                if sum:
                    sums[replaced] = sum
    return Told(refs, sums, main)


BUILDS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "plain": (("build",), {}),
    "stripped": (("build", "-trimpath", "-ldflags=-s -w"), {}),
    "pie": (("build", "-buildmode=pie"), {"CGO_ENABLED": "0"}),
    "windows": (("build",), {"GOOS": "windows", "GOARCH": "amd64"}),
    "darwin": (("build",), {"GOOS": "darwin", "GOARCH": "arm64"}),
    "386": (("build",), {"GOARCH": "386", "CGO_ENABLED": "0"}),
    "ppc64": (("build",), {"GOARCH": "ppc64", "CGO_ENABLED": "0"}),
    "mips": (("build",), {"GOARCH": "mips", "CGO_ENABLED": "0"}),
}


@pytest.mark.parametrize("build", sorted(BUILDS))
def test_the_modules_of_a_program_are_those_that_go_version_prints(
    workshop: Workshop, tmp_path: Path, build: str
) -> None:
    arguments, environment = BUILDS[build]
    program = tmp_path / "program"
    workshop.go(*arguments, "-o", str(program), ".", env=environment)
    expected = told(workshop.go("version", "-m", str(program)))
    found = components(installed(tmp_path))
    application = found.pop("application:program")
    assert set(found) == expected.refs
    assert {
        ref: property_of(item, H1)[0] for ref, item in found.items() if property_of(item, H1)
    } == expected.sums
    assert application.component.requires == (expected.main,)
    assert set(found[expected.main].component.requires) == expected.refs - {expected.main}
    assert application.component.hash_of == "file"
    assert "pkg:golang/example.org/big@v2.1.0%2Bincompatible" in found
    assert "pkg:golang/example.org/Upper/dep@v1.0.0" in found


def test_a_shared_library_and_a_vendored_build_are_read_like_a_program(
    workshop: Workshop, need: Need, tmp_path: Path
) -> None:
    need("gcc")
    library = tmp_path / "usr/lib/libapp.so"
    workshop.go("build", "-buildmode=c-shared", "-o", str(library), ".", env={"CGO_ENABLED": "1"})
    library.chmod(0o644)
    copy = shutil.copytree(workshop.app, tmp_path / "src")
    workshop.go("mod", "vendor", cwd=copy)
    vendored = tmp_path / "vendored"
    workshop.go("build", "-mod=vendor", "-o", str(vendored), ".", cwd=copy)
    expected = [told(workshop.go("version", "-m", str(path))) for path in (library, vendored)]
    found = components(installed(tmp_path))
    assert {"application:usr/lib/libapp.so", "application:vendored"} < set(found)
    assert {ref for ref in found if not ref.startswith("application:")} == set.union(
        *(item.refs for item in expected)
    )


def test_members_of_a_workspace_are_modules_without_a_version(
    workshop: Workshop, tmp_path: Path
) -> None:
    copy = shutil.copytree(workshop.app, tmp_path / "src")
    mod = (copy / "go.mod").read_text()
    lines = [line for line in mod.splitlines(keepends=True) if "example.org/loc" not in line]
    (copy / "go.mod").write_text("".join(lines))
    (copy / "go.work").write_text("go 1.21\n\nuse (\n\t.\n\t./loc\n)\n")
    program = tmp_path / "program"
    environment = {"GOFLAGS": "-modcacherw -buildvcs=false"}
    workshop.go("build", "-o", str(program), ".", cwd=copy, env=environment)
    expected = told(workshop.go("version", "-m", str(program)))
    found = components(installed(tmp_path))
    assert set(found) - {"application:program"} == expected.refs
    assert "pkg:golang/example.org/loc" in expected.refs


def test_a_replacement_names_what_it_replaces_and_a_folder_has_no_hash(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.go("build", "-o", str(tmp_path / "program"), ".")
    items = installed(tmp_path)
    found = components(items)
    new = found["pkg:golang/example.org/new@v1.2.0"]
    assert property_of(new, REPLACES) == ["example.org/old@v1.1.0"]
    assert property_of(found["pkg:golang/example.org/loc"], LOCAL) == ["./loc"]
    gaps = {(item.what, item.ref) for item in items if isinstance(item, Gap)}
    assert ("component.hash", "pkg:golang/example.org/loc") in gaps
    assert ("dependency.version", "pkg:golang/example.org/Shop/app") in gaps
    assert ("component.hash", "pkg:golang/example.org/new@v1.2.0") not in gaps
    assert ("dependency.graph", "application:program") in gaps
    hashed = {ref for ref, item in found.items() if item.component.hashes or property_of(item, H1)}
    assert {ref for what, ref in gaps if what == "component.hash"} == set(found) - hashed


def test_settings_are_told_without_secrets_and_without_the_builders_folders(
    workshop: Workshop, tmp_path: Path
) -> None:
    flags = "-X main.apiToken=hunter2hunter2 -X main.root=/home/me/secret/place/tree"
    workshop.go("build", f"-ldflags={flags}", "-o", str(tmp_path / "program"), ".")
    application = components(installed(tmp_path))["application:program"]
    settings = property_of(application, "bom-seal:go:setting")
    (linked,) = (item for item in settings if item.startswith("-ldflags="))
    assert "hunter2" not in str(application)
    assert "/home/me" not in str(application)
    assert "main.apiToken=[redacted]" in linked
    assert "GOOS=linux" in settings
    assert property_of(application, "bom-seal:go:package") == ["example.org/Shop/app"]


def test_the_revision_of_a_checkout_is_told(workshop: Workshop, need: Need, tmp_path: Path) -> None:
    import subprocess

    git = need("git")
    copy = shutil.copytree(workshop.app, tmp_path / "src")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "x"],
    ):
        subprocess.run([git, *arguments], cwd=copy, check=True)
    environment = {"GOFLAGS": "-modcacherw -buildvcs=true"}
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/program"
    workshop.go("build", "-o", str(program), ".", cwd=copy, env=environment)
    commit = subprocess.run(
        [git, "rev-parse", "HEAD"], cwd=copy, check=True, capture_output=True, text=True
    ).stdout.strip()
    found = components(installed(tmp_path / "bin"))
    application = found["application:program"]
    assert property_of(application, "bom-seal:go:vcs:revision") == [commit]
    assert property_of(application, "bom-seal:go:vcs:modified") == ["false"]
    assert (
        set(found) - {"application:program"}
        == told(workshop.go("version", "-m", str(program))).refs
    )


def test_copies_of_a_program_are_one_component_that_owns_them_all(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.go("build", "-o", str(tmp_path / "b/program"), ".")
    (tmp_path / "a").mkdir()
    shutil.copy(tmp_path / "b/program", tmp_path / "a/tool")
    items = installed(tmp_path)
    (application,) = (ref for ref in components(items) if ref.startswith("application:"))
    assert application == "application:a/tool"
    (owned,) = (item for item in items if isinstance(item, Owned))
    assert (owned.ref, owned.paths, owned.rule) == (
        application,
        ("a/tool", "b/program"),
        "go-build-info",
    )


def test_another_sum_in_go_sum_than_in_the_program_is_a_finding(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.go("build", "-o", str(tmp_path / "program"), ".")
    for name in ("go.mod", "go.sum"):
        shutil.copy(workshop.app / name, tmp_path / name)
    assert not [item for item in installed(tmp_path) if isinstance(item, Finding)]
    sums = (tmp_path / "go.sum").read_text()
    line = next(row for row in sums.splitlines() if row.startswith("example.org/deep v0.3.0 h1:"))
    wrong = f"example.org/deep v0.3.0 h1:{'A' * 43}="
    (tmp_path / "go.sum").write_text(sums.replace(line, wrong))
    items = installed(tmp_path)
    (finding,) = (item for item in items if isinstance(item, Finding))
    assert (finding.code, finding.expected, finding.where, finding.ref) == (
        "hash",
        f"h1 {'A' * 43}=",
        "program",
        "pkg:golang/example.org/deep@v0.3.0",
    )
    projects = list(Go().declared(view_of(tmp_path)))
    found = [item for item in items if isinstance(item, Dependency)]
    assert list(differing_sums(projects, found)) == [finding]
    # told twice, it is one finding all the same
    assert [f for f in compare(projects, found).findings if f.code == "hash"] == [finding]


def test_a_project_compared_with_its_own_program_has_no_finding(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.go("build", "-o", str(tmp_path / "program"), ".")
    for name in ("go.mod", "go.sum"):
        shutil.copy(workshop.app / name, tmp_path / name)
    view = view_of(tmp_path)
    found = [item for item in Go().installed(view) if isinstance(item, Dependency)]
    compared = compare(Go().declared(view), found)
    assert (compared.findings, compared.gaps) == ((), ())


# --- made by hand --------------------------------------------------------------------------------

HEADER = b"\xff Go buildinf:"
TEXT = "path\tcmd/x\nmod\texample.org/x\tv1.0.0\t\ndep\texample.org/y\tv0.1.0\t\n"
FRAMED = b"0" * 16 + TEXT.encode() + b"1" * 16


def elf(data: bytes, base: int, *, wide: bool = True, big: bool = False) -> bytes:
    """An ELF without sections, whose one writable segment holds `data`."""
    order = ">" if big else "<"
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if big else 1, 1]) + b"\0" * 9
    head, row = (64, 56) if wide else (52, 32)
    offset = head + row
    if wide:
        header = struct.pack(order + "HHIQQQIHHHHHH", 2, 0, 1, 0, head, 0, 0, head, row, 1, 0, 0, 0)
        size = len(data)
        segment = struct.pack(order + "IIQQQQQQ", 1, 6, offset, base, base, size, size, 16)
    else:
        header = struct.pack(order + "HHIIIIIHHHHHH", 2, 0, 1, 0, head, 0, 0, head, row, 1, 0, 0, 0)
        size = len(data)
        segment = struct.pack(order + "8I", 1, offset, base, base, size, size, 6, 16)
    return ident + header + segment + data


def pointed(base: int, width: int, *, big: bool, gap: int = 16) -> bytes:
    """Build information as Go 1.13 to 1.17 wrote it: a header with pointers to two strings."""
    order = "big" if big else "little"
    version = b"go1.17.13"

    def number(value: int) -> bytes:
        return value.to_bytes(width, "big" if order == "big" else "little")

    strings = base + gap + 32
    texts = strings + 4 * width
    header = HEADER + bytes([width, 1 if big else 0])
    header += number(strings) + number(strings + 2 * width)
    header = header.ljust(32, b"\0")
    tables = number(texts) + number(len(version))
    tables += number(texts + len(version)) + number(len(FRAMED))
    return b"\0" * gap + header + tables + version + FRAMED


def inline(version: bytes = b"go1.22.1", modules: bytes = FRAMED) -> bytes:
    def counted(raw: bytes) -> bytes:
        size, out = len(raw), b""
        while size >= 0x80:
            out, size = out + bytes([size & 0x7F | 0x80]), size >> 7
        return out + bytes([size]) + raw

    return (HEADER + b"\x08\x02").ljust(32, b"\0") + counted(version) + counted(modules)


@pytest.mark.parametrize(("wide", "big"), [(True, False), (True, True), (False, True)])
def test_the_pointers_of_go_before_1_18_are_followed(wide: bool, big: bool) -> None:
    base = 0x400000
    program = elf(pointed(base, 8 if wide else 4, big=big), base, wide=wide, big=big)
    assert take(program) == {VERSION: b"go1.17.13", MODULES: TEXT.encode()}


def test_a_header_that_is_not_aligned_is_passed_over() -> None:
    data = b"\0" * 8 + HEADER + b"\x08\x02" + b"\0" * 24 + inline()
    data = data[: len(data) - len(inline())].ljust(96, b"\0") + inline()
    assert take(elf(data, 0x1000))[VERSION] == b"go1.22.1"


@pytest.mark.parametrize("before", [1048560, 1048576, 1048592, 3145776])
def test_a_header_deep_in_a_data_segment_is_found(before: int) -> None:
    assert take(elf(b"\1" * before + inline(), 0x1000))[VERSION] == b"go1.22.1"


def test_a_program_without_modules_has_the_standard_library_alone(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(elf(inline(b"go1.22.1 X:boringcrypto", b""), 0x1000))
    (tmp_path / "tool").chmod(0o755)
    found = components(installed(tmp_path))
    assert set(found) == {"application:tool", "pkg:golang/stdlib@1.22.1"}
    assert found["application:tool"].component.requires == ("pkg:golang/stdlib@1.22.1",)


def test_an_unreleased_toolchain_has_the_version_that_it_says(tmp_path: Path) -> None:
    spelled = b"devel go1.23-0123abcdef Thu Feb 1 00:00:00 2024 +0000"
    (tmp_path / "tool").write_bytes(elf(inline(spelled, b""), 0x1000))
    (tmp_path / "tool").chmod(0o755)
    assert "pkg:golang/stdlib@1.23-0123abcdef" in components(installed(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        elf(inline()[:40], 0x1000),
        elf(HEADER + b"\x08\x00" + b"\xff" * 16, 0x1000),
        elf(HEADER + b"\x03\x00" + b"\0" * 16, 0x1000),
        elf((HEADER + b"\x08\x02").ljust(32, b"\0") + b"\xff" * 20, 0x1000),
        elf((HEADER + b"\x08\x02").ljust(32, b"\0") + b"\xff\xff\xff\xff\x7f" + b"x" * 64, 0x1000),
        elf((b"\0" + HEADER + b"\0") * 5000, 0x1000),
    ],
)
def test_broken_build_information_gives_nothing(content: bytes) -> None:
    assert take(content) == {}


def test_a_go_program_without_build_information_is_a_gap(
    workshop: Workshop, need: Need, tmp_path: Path
) -> None:
    import subprocess

    program = tmp_path / "program"
    workshop.go("build", "-o", str(program), ".", env={"CGO_ENABLED": "0"})
    raw = bytearray(program.read_bytes())
    raw[raw.find(HEADER) : raw.find(HEADER) + 4] = b"\0\0\0\0"
    program.write_bytes(raw)
    assert subprocess.run([need("go"), "version", program], check=False, capture_output=True).stderr
    assert set(take(bytes(raw))) == {ERROR}
    items = installed(tmp_path)
    assert [(item.what, item.where) for item in items if isinstance(item, Gap)] == [
        ("component", "program")
    ]
    assert components(items)["application:program"].component.hashes


@pytest.mark.parametrize(
    "text",
    [
        b"mod\tonly-a-path\n",
        b"dep\t\tv1\t\n",
        b"=>\ta\tv1\th1:\n",
        b"build\tnothing\n",
        b'build\t"open=1\n',
        b'build\tkey="open\n',
        b"build\t=1\n",
        b'build\t"key"1\n',
    ],
)
def test_broken_lines_of_build_information_are_refused(text: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(b"go1.22.1", text)


def test_quoted_settings_are_read_as_go_quotes_them() -> None:
    text = b'build\t-ldflags="-X \\"a=b\\" \\x41\\u00e9\\t\\101"\nbuild\t`-a b`=`c d`\nbuild\t-x=\n'
    assert parse(b"go1.22.1", text).settings == (
        ("-ldflags", '-X "a=b" A\u00e9\tA'),
        ("-a b", "c d"),
        ("-x", ""),
    )


def fuzzed(content: bytes, root: Path) -> None:
    (root / "program").write_bytes(content)
    (root / "program").chmod(0o755)
    for item in installed(root):
        assert isinstance(item, Dependency | Gap | Finding | Owned)
        if not isinstance(item, Owned):
            str(item).encode()


@given(version=st.binary(max_size=30), modules=st.binary(max_size=400))
def test_any_build_information_gives_components_and_gaps(
    version: bytes, modules: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fuzzed(
        elf(inline(version, b"0" * 16 + modules + b"\n" + b"1" * 16), 0x1000),
        tmp_path_factory.mktemp("fuzz"),
    )


LINES = st.lists(
    st.tuples(
        st.sampled_from(["path", "mod", "dep", "=>", "build", "x"]),
        st.lists(st.text(max_size=12), max_size=4),
    ).map(lambda line: "\t".join([line[0], *line[1]])),
    max_size=8,
)


@given(lines=LINES)
def test_any_lines_of_build_information_give_components_and_gaps(
    lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    modules = "\n".join(lines).encode("utf-8", "surrogatepass")
    fuzzed(
        elf(inline(b"go1.22.1", b"0" * 16 + modules + b"\n" + b"1" * 16), 0x1000),
        tmp_path_factory.mktemp("fuzz"),
    )


MAKERS: list[Callable[[], bytes]] = [
    lambda: elf(inline(), 0x1000),
    lambda: elf(pointed(0x1000, 8, big=False), 0x1000),
    lambda: elf(pointed(0x1000, 4, big=True), 0x1000, wide=False, big=True),
]


@given(
    maker=st.sampled_from(MAKERS),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 500),
)
def test_a_damaged_program_gives_what_can_be_read_or_nothing(
    maker: Callable[[], bytes], changes: list[tuple[int, int]], cut: int
) -> None:
    raw = bytearray(maker())
    for place, value in changes:
        raw[place % len(raw)] = value
    parts = take(bytes(raw[: max(cut, 1)] if cut < len(raw) else raw))
    assert set(parts) in ({VERSION, MODULES}, {ERROR}, set())
