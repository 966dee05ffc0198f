"""Names, versions and places of npm packages (npm's package.json documentation, purl type npm)."""

from __future__ import annotations

import re
from typing import Final

from bom import purl
from bom.catalog.stated import public_url
from bom.errors import BomError

# Looser than npm's rule for new packages: old ones have capitals, and `~!'()*` too.
_NAME: Final = re.compile(r"(?:@[A-Za-z0-9~!'()*._-]+/)?[A-Za-z0-9~!'()*._-]+\Z")
_NAME_LIMIT: Final = 214  # characters, npm's own
_VERSION: Final = re.compile(r"[A-Za-z0-9.+~_-]{1,256}\Z")
_EXACT: Final = re.compile(r"[=v ]*(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)\Z")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_SHORT_HOSTS: Final = {
    "github:": "https://github.com/",
    "gitlab:": "https://gitlab.com/",
    "bitbucket:": "https://bitbucket.org/",
}
# GitHub's, GitLab's and Bitbucket's archives of a commit: how yarn and pnpm fetch from them.
_ARCHIVE: Final = re.compile(
    r"https://codeload\.github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)/tar\.gz/"
    r"(?P<commit>[0-9a-f]{40})\Z"
)
_DEFAULT_HOSTS: Final = ("https://registry.npmjs.org/", "https://registry.yarnpkg.com/")


def valid_name(text: str) -> str:
    """The name as it is, or "" where no package can be called that."""
    if len(text) > _NAME_LIMIT or not _NAME.match(text) or set(text) <= {"."}:
        return ""
    return text


def valid_version(text: str) -> str:
    """The version without the `v` or `=` that npm drops too; "" where it is none."""
    bare = text.strip().lstrip("=v ")
    return bare if _VERSION.match(bare) else ""


def exact_version(specifier: str) -> str:
    """The version that a specifier pins, "" where it is a range, a tag or a place."""
    found = _EXACT.match(specifier.removeprefix("npm:"))
    return found[1] if found and len(specifier) < 300 else ""


def npm_purl(name: str, version: str, vcs_url: str = "", download_url: str = "") -> str:
    """The package's purl; "" where it breaks a rule."""
    namespace, _, last = name.rpartition("/")
    try:
        return purl.build(
            "npm",
            last,
            namespace=namespace,
            version=version,
            qualifiers={"vcs_url": vcs_url, "download_url": download_url},
        )
    except BomError:
        return ""


def split_specifier(spelled: str) -> tuple[str, str]:
    """`name@rest` at the first `@` that is no scope's; ("", "") where there is no name."""
    at = spelled.find("@", 1)
    if at < 0:
        return valid_name(spelled), ""
    return valid_name(spelled[:at]), spelled[at + 1 :]


def unaliased(name: str, specifier: str) -> tuple[str, str]:
    """The real package and range of `name: npm:real@range`, else the same again."""
    if specifier.startswith("npm:"):
        real, wanted = split_specifier(specifier[4:])
        # `npm:^1.0` is berry's way to write a range of the package itself.
        if real and (wanted or not specifier[4:5].isdigit()) and _is_name(specifier[4:]):
            return real, wanted
    return name, specifier


def _is_name(rest: str) -> bool:
    return "@" in rest[1:] or rest.startswith("@")


def git_url(spelled: str) -> str:
    """`git+https://host/path@commit` of a repository at a commit, "" where it names none."""
    archive = _ARCHIVE.match(spelled.partition("#")[0])
    if archive:
        place = f"https://github.com/{archive['owner']}/{archive['name']}.git"
        return f"git+{place}@{archive['commit']}"
    before, _, fragment = spelled.partition("#")
    commit = fragment.rpartition("commit=")[2].partition("&")[0] or fragment
    if not _COMMIT.match(commit):
        return ""
    for short, host in _SHORT_HOSTS.items():
        if before.startswith(short):
            before = host + before.removeprefix(short)
    bare = before.removeprefix("git+")
    if bare.startswith("git@") and ":" in bare:
        bare = "ssh://" + bare.replace(":", "/", 1)
    place = public_url(bare)
    return f"git+{place}@{commit}" if place else ""


def is_git(spelled: str) -> bool:
    """Whether a specifier or a resolved place is a repository."""
    bare = spelled.partition("#")[0]
    return (
        bare.startswith(("git+", "git:", "git@", "ssh:", *_SHORT_HOSTS))
        or bare.endswith(".git")
        or _ARCHIVE.match(bare) is not None
    )


def is_path(spelled: str) -> bool:
    """Whether a specifier leads to a file or folder of the project's own machine."""
    return spelled.startswith(("file:", "link:", "portal:", "workspace:", ".", "/", "~/"))


def is_url(spelled: str) -> bool:
    return spelled.startswith(("https://", "http://"))


def registry(url: str, name: str) -> str:
    """The registry that a tarball comes from, "" for npm's own or where it can't be told."""
    public = public_url(url)
    place, dash, _ = public.partition(f"/{name}/-/")
    if not dash:
        place, dash, _ = public.partition(f"/{name.replace('/', '%2f')}/-/")
    if not public or public.startswith(_DEFAULT_HOSTS):
        return ""
    return f"{place}/" if dash else "/".join(public.split("/")[:3]) + "/"


def published_version(url: str, name: str) -> str:
    """The version in a registry's own URL of a tarball; "" where it is none of those."""
    file = public_url(url).partition(f"/{name}/-/")[2]
    start = f"{name.rpartition('/')[2]}-"
    if not file.startswith(start) or not file.endswith(".tgz") or "/" in file:
        return ""
    return valid_version(file[len(start) : -len(".tgz")])


def tarball_name(name: str, version: str) -> str:
    """What the registry calls the file."""
    return f"{name.rpartition('/')[2]}-{version}.tgz"
