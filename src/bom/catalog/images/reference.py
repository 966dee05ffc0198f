"""Names of images (distribution/reference: `[domain[:port]/]path[:tag][@digest]`), and purls."""

from __future__ import annotations

from typing import Final

from bom import purl
from bom.errors import BomError

_DEFAULT_DOMAINS: Final = ("docker.io/", "index.docker.io/")


def with_tag(name: str) -> str:
    """The name with its tag: `latest` where neither tag nor digest is given."""
    last = name.rsplit("/", 1)[-1]
    return name if ":" in last or "@" in last else f"{name}:latest"


def familiar(name: str) -> str:
    """The name as docker shows it, with its tag or digest."""
    for domain in _DEFAULT_DOMAINS:
        name = name.removeprefix(domain)
    return with_tag(name.removeprefix("library/"))


def split_tag(name: str) -> tuple[str, str]:
    """The name without tag and digest, and its tag; "" where it has none."""
    whole = name.partition("@")[0]
    folder, slash, last = whole.rpartition("/")
    bare, _, tag = last.partition(":")
    return f"{folder}{slash}{bare}", tag


def oci_purl(name: str, tag: str, digest: str) -> str:
    """`pkg:oci` by manifest digest (package-url type definition for oci); `name` without tag.

    "" where the name makes no purl. A registry is recognised by its dot or port.
    """
    folder, _, last = name.rpartition("/")
    registry = folder.partition("/")[0]
    qualifiers = {"tag": tag}
    if "." in registry or ":" in registry:
        qualifiers["repository_url"] = name
    try:
        return purl.build("oci", last, version=digest, qualifiers=qualifiers)
    except BomError:
        return ""
