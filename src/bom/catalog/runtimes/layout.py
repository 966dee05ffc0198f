"""Language runtimes that were built or unpacked into a folder, outside of any package manager.

They keep a fixed layout below their prefix, and their headers state their version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.catalog.runtimes.wanted import NODE_PLACE, PYTHON_PLACE, states_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.catalog.protocol import FileView

PYTHON_RULE: Final = "cpython-layout"
NODE_RULE: Final = "node-layout"

_PY_VERSION: Final = re.compile(rb'#define[ \t]+PY_VERSION[ \t]+"([0-9][0-9A-Za-z.+]{0,40})"')
_NODE_VERSION: Final = re.compile(
    rb"#define[ \t]+NODE_(MAJOR|MINOR|PATCH)_VERSION[ \t]+([0-9]{1,6})\b"
)
_NODE_PARTS: Final = (b"MAJOR", b"MINOR", b"PATCH")
_HEADER_LIMIT: Final = 1024 * 1024
# What other packages put below a runtime's folders.
_OTHERS: Final = frozenset(["site-packages", "dist-packages", "__pycache__"])
_NODE_FILES: Final = (
    "bin/node",
    "share/doc/node/gdbinit",
    "share/doc/node/lldb_commands.py",
    "share/man/man1/node.1",
    "share/systemtap/tapset/node.stp",
)
# An unpacked archive leaves these at the top of its prefix.
_NODE_TOP: Final = ("CHANGELOG.md", "LICENSE", "README.md")


@dataclass(frozen=True, slots=True)
class Runtime:
    """One runtime. `prefix`: its folder, with a `/` unless it is the root. `header`: the file
    that states its version, which is "" where it can't be read. `paths`: its files, sorted."""

    name: str
    version: str
    prefix: str
    header: str
    rule: str
    paths: tuple[str, ...]


def find(view: FileView) -> Iterator[Runtime]:
    """All runtimes in the view, those of package managers too, sorted by path."""
    for entry in view.wanted():
        if not states_version(entry.path) or entry.type != "file":
            continue
        raw = (view.read(entry.path) or b"")[:_HEADER_LIMIT]
        if found := PYTHON_PLACE.match(entry.path):
            stated = _PY_VERSION.search(raw)
            yield Runtime(
                "python",
                stated[1].decode() if stated else "",
                found["prefix"],
                entry.path,
                PYTHON_RULE,
                _python_files(view, found["prefix"], found["version"], found["abi"], entry.layer),
            )
        elif found := NODE_PLACE.match(entry.path):
            parts = dict(_NODE_VERSION.findall(raw))
            numbers = [parts[part].decode() for part in _NODE_PARTS if part in parts]
            yield Runtime(
                "node",
                ".".join(numbers) if len(numbers) == len(_NODE_PARTS) else "",
                found["prefix"],
                entry.path,
                NODE_RULE,
                _node_files(view, found["prefix"], entry.layer),
            )


def _python_files(
    view: FileView, prefix: str, version: str, abi: str, layer: str
) -> tuple[str, ...]:
    """What `make install` of CPython puts there, as far as it came in with the same layer as the
    header: a file that a later step added is not the interpreter's."""
    major, named = version.partition(".")[0], version + abi
    folders = {f"lib/python{version}", f"lib/python{named}", f"include/python{named}"}
    found = {
        entry.path
        for folder in sorted(folders)
        for entry in view.below(prefix + folder, _OTHERS)
        if entry.type == "file" and entry.layer == layer and not entry.path.endswith(".pyc")
    }
    numbers = ("", major, version, named)
    names = {f"bin/{word}{number}" for word in ("python", "pydoc", "idle") for number in numbers}
    names |= {f"bin/python{number}-config" for number in numbers}
    names |= {f"bin/{word}-{version}" for word in ("2to3", "pyvenv")}
    names |= {"bin/2to3", "bin/pyvenv", "bin/smtpd.py"}
    names |= {f"bin/python{number}-gdb.py" for number in (version, named)}
    # It says what the folder is for, and belongs to none of the packages there.
    names |= {f"lib/python{version}/site-packages/README{end}" for end in ("", ".txt")}
    names |= {f"share/man/man1/python{number}.1" for number in numbers}
    names |= {f"lib/libpython{n}.{end}" for n in (major, named) for end in ("a", "so", "so.1.0")}
    names |= {
        f"lib/pkgconfig/python{dash}{number}{embed}.pc"
        for dash in ("", "-")
        for number in numbers
        for embed in ("", "-embed")
    }
    return tuple(sorted(found | set(_present(view, prefix, names, layer))))


def _node_files(view: FileView, prefix: str, layer: str) -> tuple[str, ...]:
    """What an archive of Node.js holds but for the packages in lib/node_modules."""
    found = {
        entry.path
        for entry in view.below(f"{prefix}include/node")
        if entry.type == "file" and entry.layer == layer
    }
    names = (*_NODE_FILES, *(_NODE_TOP if prefix else ()))
    return tuple(sorted(found | set(_present(view, prefix, names, layer))))


def _present(view: FileView, prefix: str, names: Iterable[str], layer: str) -> Iterator[str]:
    for name in names:
        entry = view.entry(prefix + name)
        if entry is not None and entry.type == "file" and entry.layer == layer:
            yield prefix + name
