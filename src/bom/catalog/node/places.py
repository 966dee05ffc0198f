"""Where installed packages lie: node_modules in all the layouts that npm, Yarn, pnpm and Bun make
(Node.js, "Loading from node_modules folders"), and Debian's folder of its own.

A package is in `node_modules/NAME` or `node_modules/@SCOPE/NAME`, or in the same below another
package, or in a store: `node_modules/.pnpm/ANY/node_modules/NAME`. A node_modules anywhere else
inside a package is what that package ships (tests of a resolver, mostly): Node never looks there.
"""

from __future__ import annotations

from typing import Final

FOLDER: Final = "node_modules"
MANIFEST: Final = "package.json"
DEBIAN: Final = "usr/share/nodejs"
_DEBIAN_PARTS: Final = DEBIAN.split("/")
_STORE: Final = ".store"  # of Yarn's pnpm linker, where the package lies in a folder `package`


def package_folder(path: str) -> str:
    """The folder of the installed package whose package.json is at `path`, else ""."""
    parts = path.split("/")
    last = len(parts) - 1
    if parts[last] != MANIFEST:
        return ""
    if parts[:3] == _DEBIAN_PARTS:
        at = 2
    elif FOLDER in parts:
        at = parts.index(FOLDER)
    else:
        return ""
    while at + 1 < last:
        name = parts[at + 1]
        if name.startswith("."):
            if name == _STORE and last == at + 4 and parts[at + 3] == "package":
                return "/".join(parts[:last])
            if at + 3 >= last or parts[at + 3] != FOLDER:
                return ""
            at += 3
            continue
        behind = at + (3 if name.startswith("@") else 2)
        if behind == last:
            return "/".join(parts[:last])
        if behind > last or parts[behind] != FOLDER:
            return ""
        at = behind
    return ""


def outermost(folder: str) -> str:
    """The folder that holds a package and all that is installed beside it."""
    if folder.startswith(f"{DEBIAN}/"):
        return DEBIAN
    parts = folder.split("/")
    return "/".join(parts[: parts.index(FOLDER) + 1])


def called(folder: str) -> str:
    """What a package is called by the folder that it lies in; "" where a store names it."""
    parts = folder.split("/")
    if parts[-1] == "package" and _STORE in parts:
        return ""
    return "/".join(parts[-2:]) if parts[-2].startswith("@") else parts[-1]


def holder(folder: str) -> str:
    """The folder whose node_modules a package lies in."""
    return folder.removesuffix(called(folder)).rstrip("/").removesuffix(FOLDER).rstrip("/")
