"""What a Python lock file says, before it becomes components: pins and the edges between them."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from bom import purl
from bom.model import Component, Distribution, Gap, Hash, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

LOCK_LIMIT: Final = 32 * 1024 * 1024  # bytes of one lock or manifest

# hashlib's name -> CycloneDX's name and the number of hex digits.
_ALGORITHMS: Final = {
    "md5": ("MD5", 32),
    "sha1": ("SHA-1", 40),
    "sha256": ("SHA-256", 64),
    "sha384": ("SHA-384", 96),
    "sha512": ("SHA-512", 128),
    "sha3_256": ("SHA3-256", 64),
    "sha3_384": ("SHA3-384", 96),
    "sha3_512": ("SHA3-512", 128),
    "blake2b": ("BLAKE2b-512", 128),
}
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([^"']+)["']|["']([^"']+)["']\s+in\s+extras""")


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A requirement of one package for another. `version` is empty where any pin of it is meant.

    `extras`: those that are asked of the target. `only_with`: the requiring package's extras,
    one of which must have been asked for; empty: the edge always holds.
    """

    name: str
    version: str = ""
    extras: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """One package as a lock states it. `name` is normalised (PyPA name normalisation).

    `source`: "registry", "vcs", "archive" (a direct URL) or "path" (in the project's own tree).
    `vcs_url`: as purl has it, `git+https://host/path@commit`. `development`: True where the lock
    puts it into a group that doesn't ship, None where it doesn't say.
    """

    name: str
    version: str
    location: str
    line: int = 0
    distributions: tuple[Distribution, ...] = ()
    source: str = "registry"
    vcs_url: str = ""
    archive_url: str = ""
    index: str = ""
    marker: str = ""
    extras: tuple[str, ...] = ()
    development: bool | None = None
    requires: tuple[Edge, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.name, self.version, self.vcs_url or self.archive_url)


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock file. `states_edges`: whether it says which package needs which.

    `rooted`: whether it says what this project itself asks for: then `roots` (with `only_with`
    holding the project's extra) and `development_roots` (groups that don't ship) do, and what
    they don't lead to is there for other members of a workspace.
    """

    location: str
    pins: tuple[Pin, ...] = ()
    states_edges: bool = False
    rooted: bool = False
    roots: tuple[Edge, ...] = ()
    development_roots: tuple[Edge, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Unreadable(Exception):
    """A lock or manifest that is not what it should be; the text says why, in one line."""


def read_text(path: Path) -> str:
    """The text of a lock or manifest. Raises Unreadable."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LOCK_LIMIT + 1)
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror or 'input/output error'}") from error
    if len(data) > LOCK_LIMIT:
        raise Unreadable(f"is over {LOCK_LIMIT // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("is not UTF-8") from error


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The table and the text it came from. Raises Unreadable."""
    text = read_text(path)
    try:
        return tomllib.loads(text), text
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is no TOML: {_one_line(error)}") from error


def read_json(path: Path) -> tuple[dict[str, Any], str]:
    """The object and the text it came from. Raises Unreadable."""
    text = read_text(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is no JSON: {_one_line(error)}") from error
    if not isinstance(document, dict):
        raise Unreadable("is no JSON object")
    return document, text


def _one_line(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return " ".join(str(error).split())[:200]


# --- values from strangers ---------------------------------------------------------------------


def text(value: object) -> str:
    """A string that can be written as UTF-8, or "" for anything else."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can spell lone surrogates
        return ""
    return value


def name(value: object) -> str:
    """A project's name, normalised; "" where it is none (PyPA: Names and normalization)."""
    spelled = text(value)
    return purl.pypi_name(spelled) if _NAME.fullmatch(spelled) else ""


def table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list; a string alone counts as a list of one."""
    items = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(text, items)))


def names(value: object) -> tuple[str, ...]:
    return tuple(sorted({purl.pypi_name(item) for item in strings(value)}))


def lines_of(text: str, header: str) -> list[int]:
    """The line (from 1) of every `[[header]]` of a TOML text, in order."""
    wanted = f"[[{header}]]"
    return [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == wanted]


def stated_hash(spelled: str) -> Hash | None:
    """`sha256:HEX` (or `sha256=HEX`); None where algorithm or digest is not what it should be."""
    algorithm, _, digest = spelled.strip().replace("=", ":", 1).partition(":")
    known = _ALGORITHMS.get(algorithm.lower().replace("-", "_"))
    digest = digest.lower()
    if known is None or not re.fullmatch(rf"[0-9a-f]{{{known[1]}}}", digest):
        return None
    return Hash(known[0], digest)


def hash_table(value: object) -> tuple[Hash, ...]:
    """`{sha256 = "HEX"}` as PEP 751 and pip have it."""
    found = (stated_hash(f"{name}:{text(digest)}") for name, digest in table(value).items())
    return tuple(sorted(item for item in found if item))


def public_url(url: str) -> str:
    """`url` without user, password, query and fragment; "" where it leads to no other machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        port = parts.port
    except ValueError:
        return ""
    if not host or parts.scheme not in {"http", "https", "ssh", "git"} or not url.isprintable():
        return ""
    host = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{host}:{port}" if port else host, parts.path, "", ""))


def file_name(url: str) -> str:
    """The last part of a URL's or path's path."""
    try:
        return urlsplit(url).path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    except ValueError:
        return ""


def vcs_url(kind: str, url: str, commit: str) -> str:
    """`git+https://host/path@commit` without credentials; "" where the place is not public."""
    bare = public_url(url.removeprefix(f"{kind}+"))
    return f"{kind}+{bare}@{commit}" if bare and commit else ""


def extras_in(marker: str) -> tuple[str, ...]:
    """The extras that a marker asks for (`extra == "http2"`, `"http2" in extras`)."""
    return tuple(sorted({purl.pypi_name(a or b) for a, b in _EXTRA.findall(marker)}))


# --- the graph ---------------------------------------------------------------------------------


class Graph:
    """Which pin needs which, with the extras that are asked for followed."""

    def __init__(self, pins: Iterable[Pin]) -> None:
        self._by_name: dict[str, list[Pin]] = {}
        for pin in pins:
            self._by_name.setdefault(pin.name, []).append(pin)
        self._extras: dict[tuple[str, str, str], set[str]] = {}

    def targets(self, edge: Edge) -> list[Pin]:
        return [
            pin
            for pin in self._by_name.get(edge.name, ())
            if not edge.version or pin.version == edge.version
        ]

    def reach(self, roots: Sequence[Edge]) -> set[tuple[str, str, str]]:
        """The keys of all pins that `roots` lead to; remembers which extras were asked for."""
        seen: set[tuple[str, str, str]] = set()
        waiting = list(roots)
        while waiting:
            edge = waiting.pop()
            for pin in self.targets(edge):
                active = self._extras.setdefault(pin.key, set())
                fresh = set(edge.extras) - active
                if pin.key in seen and not fresh:
                    continue
                active |= fresh
                seen.add(pin.key)
                waiting += self.edges(pin)
        return seen

    def edges(self, pin: Pin) -> list[Edge]:
        """The edges of `pin` that hold with the extras asked of it so far."""
        active = self._extras.get(pin.key, set()) | set(pin.extras)
        return [e for e in pin.requires if not e.only_with or active.intersection(e.only_with)]


# --- components --------------------------------------------------------------------------------


def component(pin: Pin, requires: tuple[str, ...] = ()) -> Component:
    """The component of a pin. A package from a path of the project's own has no purl: it is not
    the one of that name in the registry."""
    facts = []
    if pin.marker:
        facts.append(Property("bom-seal:marker", pin.marker))
    if pin.index:
        facts.append(Property("bom-seal:python:index", pin.index))
    if pin.extras:
        facts += [Property("bom-seal:python:extra", extra) for extra in pin.extras]
    where = Occurrence(pin.location, pin.line)
    made = Component(
        type="library",
        name=pin.name,
        version=pin.version,
        distributions=pin.distributions,
        properties=tuple(sorted(facts)),
        occurrences=(where,) if pin.location else (),
        requires=requires,
    )
    return made if pin.source == "path" else replace(made, purl=pypi_purl(pin))


def pypi_purl(pin: Pin) -> str:
    """The purl of a pin that doesn't come from a path."""
    return purl.build(
        "pypi",
        pin.name,
        version=pin.version,
        qualifiers={"vcs_url": pin.vcs_url, "download_url": pin.archive_url},
    )
