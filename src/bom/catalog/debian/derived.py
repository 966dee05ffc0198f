"""Files that no .list names and that yet come from packages: dpkg's state, caches that a program
of a package writes, configuration that a maintainer script makes.

A rule holds only where dpkg itself installed its owner: distroless images never ran a maintainer
script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.catalog.debian import dpkg
from bom.catalog.debian.rules import RULES
from bom.catalog.debian.wanted import INFO_FOLDER, UCF_REGISTRY
from bom.catalog.protocol import Owned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.protocol import FileView

# What is written beside a file of a package: its name's end, the file beside it, who wrote it ("":
# the package itself).
_BESIDE: Final = (
    ("/index.theme", "icon-theme.cache", "icon-cache", ("gtk-update-icon-cache",)),
    ("/lib/server/libjvm.so", "classes.jsa", "java-cds", ()),
    ("/lib/server/libjvm.so", "classes_nocoops.jsa", "java-cds", ()),
)
_ENDINGS: Final = tuple({ending for ending, *_ in _BESIDE})
_PROFILES: Final = "etc/apparmor.d/"
_PYTHON: Final = re.compile(r"python3\.\d+-minimal")
_BRACES: Final = re.compile(r"\{([^{}]+)\}")
_TRIPLETS: Final = {
    "amd64": "x86_64-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "armel": "arm-linux-gnueabi",
    "armhf": "arm-linux-gnueabihf",
    "i386": "i386-linux-gnu",
    "loong64": "loongarch64-linux-gnu",
    "mips64el": "mips64el-linux-gnuabi64",
    "mipsel": "mipsel-linux-gnu",
    "ppc64el": "powerpc64le-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "s390x": "s390x-linux-gnu",
}


def derived(
    files: FileView, refs: Mapping[dpkg.Package, str], brought: Mapping[str, Sequence[str]]
) -> Iterator[Owned]:
    """What is derived from the installed packages. `refs`: their bom-refs; `brought`: the files
    that each ref's package lists, relative to the root."""
    managed = {package: ref for package, ref in refs.items() if not package.distroless}
    yield from _control_files(files, refs)
    named: dict[str, list[tuple[str, str]]] = {}
    for package, ref in managed.items():
        named.setdefault(package.name, []).append((ref, package.architecture))
    yield from _by_rules(files, named)
    for package, ref in managed.items():
        yield from _beside(ref, brought.get(ref, ()), named)
        if _PYTHON.fullmatch(package.name):
            state = f"var/lib/python/{package.name.removesuffix('-minimal')}_installed"
            yield Owned(ref, (state,), rule="postinst")
    yield from _registered(files, named)


def _control_files(files: FileView, refs: Mapping[dpkg.Package, str]) -> Iterator[Owned]:
    """A package's own files in dpkg's database; of distroless images its record."""
    stems: dict[str, str] = {}
    for package, ref in refs.items():
        if package.distroless:
            record = package.record
            yield Owned(ref, (record, f"{record}.md5sums"), rule="dpkg-control")
            continue
        for stem in dpkg.stems(package):
            stems.setdefault(stem, ref)
    found: dict[str, list[str]] = {}
    for entry in files.below(INFO_FOLDER.rstrip("/")):
        stem, _, kind = entry.path[len(INFO_FOLDER) :].rpartition(".")
        if (owner := stems.get(stem)) is not None and "/" not in kind:
            found.setdefault(owner, []).append(entry.path)
    for ref, paths in found.items():
        yield Owned(ref, tuple(paths), rule="dpkg-control")


def _by_rules(files: FileView, named: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[Owned]:
    for rule in RULES:
        owners = next((named[name] for name in rule.owners if name in named), None)
        if owners is None:
            continue
        ref = owners[0][0]
        for owner, architecture in owners:
            triplet = _TRIPLETS.get(architecture, "")
            paths = tuple(path for text in rule.files for path in expanded(text, triplet))
            yield Owned(owner, paths, rule=rule.name)
        for folder, form in rule.below:
            matches = re.compile(form).fullmatch
            inside = files.below(folder)
            names = (entry.path for entry in inside if matches(entry.path[len(folder) + 1 :]))
            if paths := tuple(names):
                yield Owned(ref, paths, rule=rule.name)


def expanded(text: str, triplet: str) -> Iterable[str]:
    found = _BRACES.search(text)
    if found is None:
        return (text,)
    words = [triplet] if found[1] == "triplet" else found[1].split(",")
    whole = [text[: found.start()] + word + text[found.end() :] for word in words]
    return [path for item in whole for path in expanded(item, triplet)]


def _beside(
    ref: str, paths: Iterable[str], named: Mapping[str, Sequence[tuple[str, str]]]
) -> Iterator[Owned]:
    for path in paths:
        if path.endswith(_ENDINGS):
            for ending, beside, rule, owners in _BESIDE:
                if path.endswith(ending):
                    owner = next((named[name][0][0] for name in owners if name in named), ref)
                    yield Owned(owner, (path.rpartition("/")[0] + "/" + beside,), rule=rule)
        elif path.startswith(_PROFILES) and path.count("/") == 2:
            yield Owned(ref, (f"{_PROFILES}local/{path[len(_PROFILES) :]}",), rule="postinst")


def _registered(files: FileView, named: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[Owned]:
    """Configuration files that a package has ucf(1) look after: its registry says whose."""
    raw = files.read(UCF_REGISTRY) or b""
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        package, _, path = line.partition("\t")
        owners = named.get(package.strip())
        if owners and path.strip():
            yield Owned(owners[0][0], (path.strip().strip("/"),), rule="ucf")
