"""Package URLs: built, parsed and brought into canonical form (ECMA-427, the purl specification).

The rules of single types (what is lowercase, where a namespace must or must not stand) follow
the specification's type definitions; an unknown type gets the general rules alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TYPE: Final = re.compile(r"[a-z][a-z0-9.-]*\Z")
_KEY: Final = re.compile(r"[a-z][a-z0-9._-]*\Z")
_RUN: Final = re.compile(r"[-_.]+")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~:-]*\Z")
_SAFE: Final = ":"  # beside letters, digits and -._~: a colon is never percent-encoded

_LOWER_NAMESPACE: Final = _words(
    "alpm apk bitbucket brew composer deb git github hex luarocks qpkg rpm vscode-extension yocto"
)
_LOWER_NAME: Final = _words(
    "alpm apk bitbucket bitnami brew chrome-extension composer deb git github hex luarocks oci"
    " otp pub pypi vscode-extension"
)
_LOWER_VERSION: Final = _words("huggingface oci pypi vscode-extension")
_NO_NAMESPACE: Final = _words(
    "bazel bitnami cargo chrome-extension cocoapods conda cran gem hackage julia mlflow nuget oci"
    " opam otp pub pypi vcpkg"
)
_NEEDS_NAMESPACE: Final = _words(
    "alpm apk bitbucket composer deb git github maven rpm swift vscode-extension"
)
_NAME_FORM: Final = {
    "chrome-extension": re.compile(r"[a-p]{32}\Z"),
    "cpan": re.compile(r"(?!.*::)"),  # a distribution's name, not a module's
}
_VERSION_FORM: Final = {"chrome-extension": re.compile(r"\d+(\.\d+){0,3}\Z")}
_NEEDS_QUALIFIER: Final = {"julia": "uuid"}


@dataclass(frozen=True, slots=True, order=True)
class Purl:
    """A package URL in canonical form, decoded; `str()` gives its text. Empty means: not there."""

    type: str
    name: str
    namespace: str = ""
    version: str = ""
    qualifiers: tuple[tuple[str, str], ...] = ()
    subpath: str = ""

    def __str__(self) -> str:
        text = f"pkg:{self.type}/"
        if self.namespace:
            text += _encode_path(self.namespace) + "/"
        # The name of a git repository may hold slashes; nobody else's may.
        text += _encode_path(self.name) if self.type == "git" else _encode(self.name)
        if self.version:
            text += "@" + _encode(self.version)
        if self.qualifiers:
            text += "?" + "&".join(f"{key}={_encode(value)}" for key, value in self.qualifiers)
        if self.subpath:
            text += "#" + _encode_path(self.subpath)
        return text


def purl(
    type: str,
    name: str,
    *,
    namespace: str = "",
    version: str = "",
    qualifiers: Mapping[str, str] | None = None,
    subpath: str = "",
) -> Purl:
    """The canonical package URL of these components. Raises BomError where a rule is broken.

    Empty components and empty qualifier values are left out.
    """
    type = type.lower()
    if not _TYPE.match(type):
        raise _broken(type, "the type is not letters, digits, '.' and '-', a letter first")
    namespace = "/".join(part for part in namespace.split("/") if part)
    pairs = {}
    for key, value in (qualifiers or {}).items():
        # A key is compared in lowercase; the conformance vectors accept `repositorY_url` and
        # refuse `Platform`, so the first letter has to be lowercase already.
        if not _KEY.match(key[:1] + key[1:].lower()):
            raise _broken(type, f"{key!r} is no qualifier key")
        if value:
            pairs[key.lower()] = value
    ordered = tuple(sorted(pairs.items()))
    name = name.strip("/") if type == "git" else name
    made = Purl(
        type,
        _name(type, name, pairs),
        namespace.lower() if type in _LOWER_NAMESPACE else namespace,
        version.lower() if type in _LOWER_VERSION else version,
        ordered,
        "/".join(part for part in subpath.split("/") if part not in {"", ".", ".."}),
    )
    _check(made)
    return made


def build(
    type: str,
    name: str,
    *,
    namespace: str = "",
    version: str = "",
    qualifiers: Mapping[str, str] | None = None,
    subpath: str = "",
) -> str:
    """The text of `purl()`. Raises BomError where a rule is broken."""
    return str(
        purl(
            type,
            name,
            namespace=namespace,
            version=version,
            qualifiers=qualifiers,
            subpath=subpath,
        )
    )


def parse(text: str) -> Purl:
    """The components of a package URL, in canonical form. Raises BomError where it is none."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() != "pkg":
        raise _broken(text, "it does not start with 'pkg:'")
    rest, _, subpath = rest.partition("#")
    rest, _, query = rest.partition("?")
    type, slash, path = rest.lstrip("/").partition("/")
    path = path.strip("/")
    if not slash or not path:
        raise _broken(text, "it has no name")
    # The version starts at the last '@' of the last segment (npm writes scopes with '@' too).
    start = path.rfind("/") + 1
    at = path.rfind("@", start)
    version = ""
    if at == start and type.lower() != "npm":
        raise _broken(text, "it has no name")
    if at > start:
        path, version = path[:at], path[at + 1 :]
    split = path.find("/") if type.lower() == "git" else path.rfind("/")
    namespace, name = ("", path) if split < 0 else (path[:split], path[split + 1 :])
    qualifiers: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        if key.lower() in qualifiers:
            raise _broken(text, f"the qualifier {key!r} stands twice")
        qualifiers[key] = _decode(value, text)
    return purl(
        type,
        _decode(name, text),
        namespace="/".join(_decode_segment(part, text) for part in namespace.split("/")),
        version=_decode(version, text),
        qualifiers=qualifiers,
        subpath="/".join(_decode_segment(part, text) for part in subpath.split("/")),
    )


def pypi_name(name: str) -> str:
    """A Python project's name as PEP 503 normalises it."""
    return _RUN.sub("-", name).lower()


def _name(type: str, name: str, qualifiers: Mapping[str, str]) -> str:
    if type == "pypi":
        return pypi_name(name)
    if type == "pub":
        return re.sub(r"[^a-z0-9]", "_", name.lower())
    if type == "mlflow" and "azuredatabricks.net" in qualifiers.get("repository_url", ""):
        return name.lower()  # Databricks' names have no case, Azure ML's have
    return name.lower() if type in _LOWER_NAME else name


def _check(made: Purl) -> None:
    if not made.name:
        raise _broken(made.type, "it has no name")
    values = (value for _, value in made.qualifiers)
    if not all(map(str.isascii, (made.name, made.namespace, made.version, made.subpath, *values))):
        try:
            str(made)
        except UnicodeEncodeError as error:  # half a surrogate pair, as a JSON escape can write it
            raise _broken(made.type, "it holds what is no character") from error
    if made.namespace and made.type in _NO_NAMESPACE:
        raise _broken(made.name, f"a {made.type} package has no namespace")
    if not made.namespace and made.type in _NEEDS_NAMESPACE:
        raise _broken(made.name, f"a {made.type} package needs a namespace")
    if (form := _NAME_FORM.get(made.type)) and not form.match(made.name):
        raise _broken(made.name, f"it is no {made.type} name")
    if made.version and (form := _VERSION_FORM.get(made.type)) and not form.match(made.version):
        raise _broken(made.version, f"it is no {made.type} version")
    needed = _NEEDS_QUALIFIER.get(made.type)
    if needed and needed not in dict(made.qualifiers):
        raise _broken(made.name, f"a {made.type} package needs the qualifier {needed}")


def _encode(text: str) -> str:
    if _UNRESERVED.match(text):  # nearly every part of nearly every purl
        return text
    # Names come from file systems too: bytes that are no UTF-8 keep their value.
    return quote(text, safe=_SAFE, errors="surrogateescape")


def _encode_path(text: str) -> str:
    return "/".join(_encode(part) for part in text.split("/"))


def _decode(text: str, whole: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _broken(whole, "its percent-encoded bytes are no UTF-8") from error


def _decode_segment(text: str, whole: str) -> str:
    decoded = _decode(text, whole)
    if "/" in decoded:
        raise _broken(whole, "a segment holds an encoded '/'")
    return decoded


def _broken(text: str, why: str) -> BomError:
    return BomError(f"not a package URL ({text[:200]!r}): {why}", hint="see the purl specification")
