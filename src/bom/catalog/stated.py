"""Locks and manifests come from strangers: read with limits, every value taken only as what it
should be, URLs without what is private in them."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from bom.archive.layer import CONTENT_LIMIT
from bom.model import Hash
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

    from bom.catalog.protocol import FileView

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
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_NESTING: Final = 100  # levels of a YAML document


class Unreadable(Exception):
    """A lock or manifest that is not what it should be; the text says why, in one line."""


def file_content(view: FileView, path: str, limit: int = CONTENT_LIMIT) -> bytes:
    """The bytes of a lock or manifest, at most `limit`. Raises Unreadable."""
    raw = view.read(path)
    if raw is None:
        raise Unreadable("can't be read or is too large")
    if len(raw) > limit:
        unit = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
        raise Unreadable(f"is larger than {unit}")
    return raw


def reason(error: Unreadable) -> str:
    """The reason of a gap about a file that is not read."""
    return f"the file {printable_name(str(error))}"


def decoded(raw: bytes) -> str:
    """The text of a lock or manifest. Raises Unreadable."""
    if len(raw) > LOCK_LIMIT:
        raise Unreadable(f"is larger than {LOCK_LIMIT >> 20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("is not UTF-8") from error


def json_document(source: str) -> dict[str, Any]:
    """The object that a JSON text holds. Raises Unreadable."""
    try:
        document = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is no JSON: {_one_line(error)}") from error
    if not isinstance(document, dict):
        raise Unreadable("is no JSON object")
    return document


def toml_document(source: str) -> dict[str, Any]:
    """The table that a TOML text holds. Raises Unreadable."""
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is no TOML: {_one_line(error)}") from error


def yaml_document(source: str) -> dict[str, Any]:
    """The mapping that a YAML text holds, scalars as the core schema reads them.

    Aliases are refused: no tool writes them into a lock, and a few of them expand to gigabytes.
    Raises Unreadable.
    """
    import yaml

    # The C parser where this build of PyYAML has it: ten times faster, the same documents.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = 0
        for event in yaml.parse(source, loader):
            if isinstance(event, yaml.AliasEvent):
                raise Unreadable("holds YAML aliases")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _NESTING:
                    raise Unreadable("is nested too deeply")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        document = yaml.load(source, loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"is no YAML: {_one_line(error)}") from error
    if not isinstance(document, dict):
        raise Unreadable("is no YAML mapping")
    return document


def xml_document(raw: bytes) -> Element:
    """The root element of an XML document, without namespaces in the names of its elements.

    Entities are refused. Raises Unreadable.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml.ElementTree import fromstring

    if len(raw) > LOCK_LIMIT:
        raise Unreadable(f"is larger than {LOCK_LIMIT >> 20} MiB")
    try:
        root: Element = fromstring(raw)
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"is no XML: {_one_line(error)}") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def element_lines(raw: bytes, name: str) -> list[int]:
    """The line (from 1) on which each element of that name begins, in the document's order.

    `raw` is a document that `xml_document` has read: what that refuses is not looked for again.
    """
    from xml.parsers.expat import ExpatError, ParserCreate

    found: list[int] = []
    parser = ParserCreate()

    def start(tag: str, _: object) -> None:
        if tag.rpartition(":")[2] == name:
            found.append(parser.CurrentLineNumber)

    parser.StartElementHandler = start
    try:
        parser.Parse(raw, True)
    except ExpatError:
        return []
    return found


def _one_line(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return " ".join(str(error).split())[:200]


# --- values --------------------------------------------------------------------------------------


def text(value: object) -> str:
    """A string that can be written as UTF-8, or "" for anything else."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can spell lone surrogates
        return ""
    return value


def line(stated: str, limit: int) -> str:
    """Printable text on one line, of at most `limit` characters."""
    short = " ".join(stated[: limit * 2].split())[:limit].strip()
    return short if short.isprintable() else "".join(filter(str.isprintable, short)).strip()


def table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list; a string alone counts as a list of one."""
    items = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(text, items)))


def numbered(
    document: Mapping[str, Any], key: str, source: str
) -> list[tuple[Mapping[str, Any], int]]:
    """The tables of the array `key` of a TOML document, each with the line (from 1) of `source`
    on which its `[[key]]` stands; 0 where that can't be told (an inline array)."""
    entries = tables(document.get(key))
    header = f"[[{key}]]"
    lines = [n for n, line in enumerate(source.splitlines(), 1) if line.strip() == header]
    return list(
        zip(entries, lines if len(lines) == len(entries) else [0] * len(entries), strict=True)
    )


def stated_hash(spelled: str) -> Hash | None:
    """`sha256:HEX` (or `sha256=HEX`); None where algorithm or digest is not what it should be."""
    algorithm, _, digest = spelled.strip().replace("=", ":", 1).partition(":")
    known = _ALGORITHMS.get(algorithm.lower().replace("-", "_"))
    digest = digest.lower()
    if known is None or not re.fullmatch(rf"[0-9a-f]{{{known[1]}}}", digest):
        return None
    return Hash(known[0], digest)


def integrity(spelled: str) -> tuple[Hash, ...]:
    """The digests of a Subresource Integrity value (`sha512-BASE64`, several by spaces; W3C SRI
    3.5), options left out; what is not of that form is left out too."""
    found = set()
    for word in spelled.split():
        algorithm, _, rest = word.partition("-")
        encoded = rest.partition("?")[0]
        if _BASE64.fullmatch(encoded):
            try:
                digest = base64.b64decode(encoded, validate=True).hex()
            except ValueError:
                continue
            if known := stated_hash(f"{algorithm}:{digest}"):
                found.add(known)
    return tuple(sorted(found))


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
