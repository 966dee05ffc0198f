"""Files that no .list names and that yet come from packages: dpkg's state, caches that a program
of a package writes, configuration that a maintainer script makes. docs/attribution.md has every
rule.

A rule names paths, never a whole tree that anybody may write into, and holds only where the
package is installed by dpkg itself: distroless images never ran a maintainer script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.debian import dpkg
from bom.catalog.protocol import Owned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.protocol import FileView

UCF_REGISTRY: Final = "var/lib/ucf/registry"


class _Rule(NamedTuple):
    """`owners`: packages of which the first that is installed is the owner. `files`: paths, a
    word in braces standing for any of `{a,b}`; `{triplet}` for the multiarch folder. `below`: a
    folder and the form of the paths inside it."""

    name: str
    owners: tuple[str, ...]
    files: tuple[str, ...] = ()
    below: tuple[tuple[str, str], ...] = ()


_ROTATED: Final = r"(?:\.\d+(?:\.[gx]z)?)?"
_UNIT: Final = r"[^/]+\.(?:service|socket|timer|path|target|mount|automount|slice|swap)"
_MEDIA: Final = (
    "all|application|audio|font|image|inode|message|model|multipart|text|video|x-content|x-epoc"
    "|x-scheme-handler"
)

_RULES: Final = (
    _Rule(
        "dpkg-state",
        ("dpkg",),
        (
            "var/lib/dpkg/{arch,arch-native,cmethopt,lock,lock-frontend}",
            "var/lib/dpkg/{available,diversions,statoverride,status}",
            "var/lib/dpkg/{available-old,diversions-old,statoverride-old,status-old}",
            "var/lib/dpkg/info/format",
        ),
        (
            ("var/lib/dpkg/alternatives", r"[^/]+"),
            ("var/lib/dpkg/triggers", r"[^/]+"),
            ("var/lib/dpkg/updates", r"\d{4}"),
            (
                "var/backups",
                r"(?:dpkg\.(?:arch|diversions|statoverride|status)|alternatives\.tar)\.\d+(?:\.gz)?",
            ),
        ),
    ),
    _Rule(
        "apt-state",
        ("apt",),
        (
            "var/lib/apt/{daily_lock,extended_states}",
            "var/cache/apt/{pkgcache.bin,srcpkgcache.bin}",
            "var/cache/apt/archives/lock",
        ),
        (
            (
                "var/lib/apt/lists",
                r"lock|[^/]+_(?:InRelease|Release|Release\.gpg|Packages|Sources|"
                r"(?:Contents|Translation|Components|Commands|DEP-11|icons)-[^/_]+)(?:\.[a-z0-9]+)?",
            ),
            ("var/lib/apt/periodic", r"[a-z-]+-stamp"),
        ),
    ),
    _Rule(
        "package-log",
        ("dpkg",),
        below=(("var/log", rf"(?:dpkg|alternatives)\.log{_ROTATED}"),),
    ),
    _Rule(
        "package-log",
        ("apt",),
        below=(("var/log/apt", rf"(?:history|term)\.log{_ROTATED}|eipp\.log\.xz"),),
    ),
    _Rule("package-log", ("fontconfig",), ("var/log/fontconfig.log",)),
    _Rule("login-records", ("login",), ("var/log/faillog",)),
    _Rule("login-records", ("base-files",), ("var/log/{btmp,lastlog,wtmp}",)),
    _Rule(
        "debconf-state",
        ("debconf", "cdebconf"),
        (
            "var/cache/debconf/{config.dat,passwords.dat,templates.dat}",
            "var/cache/debconf/{config.dat-old,passwords.dat-old,templates.dat-old}",
        ),
    ),
    _Rule(
        "ucf-state",
        ("ucf",),
        below=(("var/lib/ucf", r"(?:hashfile|registry)(?:\.\d+)?|cache/:[^/]+"),),
    ),
    _Rule("ldconfig", ("libc-bin",), ("etc/ld.so.cache", "var/cache/ldconfig/aux-cache")),
    _Rule("accounts", ("base-passwd",), ("etc/{group,group-,passwd,passwd-}",)),
    _Rule(
        "accounts",
        ("passwd",),
        (
            "etc/{gshadow,gshadow-,shadow,shadow-,.pwd.lock}",
            "etc/{subgid,subgid-,subuid,subuid-}",
        ),
    ),
    _Rule("shells", ("debianutils",), ("etc/shells", "var/lib/shells.state")),
    _Rule(
        "pam-auth-update",
        ("libpam-runtime",),
        (
            "etc/pam.d/common-{account,auth,password,session,session-noninteractive}",
            "var/lib/pam/{account,auth,password,seen,session,session-noninteractive}",
        ),
    ),
    _Rule(
        "postinst",
        ("base-files",),
        ("etc/{motd,profile}", "root/{.bashrc,.profile}"),
    ),
    _Rule("postinst", ("libc-bin",), ("etc/nsswitch.conf",)),
    _Rule("postinst", ("libpam-modules",), ("etc/environment", "etc/security/opasswd")),
    _Rule("postinst", ("readline-common",), ("etc/inputrc",)),
    _Rule("postinst", ("kmod",), ("etc/modules",)),
    _Rule("postinst", ("netbase",), ("etc/networks",)),
    _Rule("postinst", ("libwrap0",), ("etc/{hosts.allow,hosts.deny}",)),
    _Rule("postinst", ("ifupdown",), ("etc/network/interfaces",)),
    _Rule("postinst", ("tzdata", "tzdata-legacy"), ("etc/{localtime,timezone}",)),
    _Rule("postinst", ("locales",), ("etc/{default/locale,locale.conf,locale.gen}",)),
    _Rule("postinst", ("man-db",), ("var/lib/man-db/auto-update",)),
    _Rule("postinst", ("ssl-cert",), ("etc/ssl/certs/ssl-cert-snakeoil.pem",)),
    _Rule("postinst", ("ssl-cert",), ("etc/ssl/private/ssl-cert-snakeoil.key",)),
    _Rule(
        "postinst",
        ("openssh-server",),
        (
            "etc/ssh/ssh_host_{dsa,ecdsa,ed25519,rsa}_key",
            "etc/ssh/ssh_host_{dsa,ecdsa,ed25519,rsa}_key.pub",
        ),
    ),
    _Rule(
        "postinst",
        ("emacsen-common",),
        below=(("var/lib/emacsen-common/state", r"(?:package|flavor)/installed/[^/]+"),),
    ),
    _Rule("machine-id", ("systemd", "dbus"), ("etc/machine-id", "var/lib/dbus/machine-id")),
    _Rule(
        "ca-certificates",
        ("ca-certificates",),
        ("etc/ca-certificates.conf", "etc/ssl/certs/ca-certificates.crt"),
    ),
    _Rule(
        "ca-certificates",
        ("ca-certificates-java",),
        ("etc/ssl/certs/java/cacerts", "var/lib/ca-certificates-java/{fresh,pending}"),
    ),
    _Rule(
        "deb-systemd-helper",
        ("init-system-helpers",),
        below=tuple(
            (
                f"var/lib/systemd/deb-systemd-{kind}",
                rf"(?:[^/]+\.(?:wants|requires)/)?{_UNIT}(?:\.dsh-also)?",
            )
            for kind in (
                "helper-enabled",
                "helper-masked",
                "user-helper-enabled",
                "user-helper-masked",
            )
        ),
    ),
    _Rule("systemd-catalog", ("systemd",), ("var/lib/systemd/catalog/database",)),
    _Rule("hwdb", ("systemd-hwdb", "udev"), ("{etc,usr/lib}/udev/hwdb.bin",)),
    _Rule("info-dir", ("install-info", "base-files"), ("usr/share/info/{dir,dir.old}",)),
    _Rule(
        "man-db",
        ("man-db",),
        below=(("var/cache/man", r"CACHEDIR\.TAG|(?:[^/]+/){0,2}index\.(?:db|bt|dir|pag)"),),
    ),
    _Rule(
        "fontconfig",
        ("fontconfig", "fontconfig-config"),
        below=(("var/cache/fontconfig", r"CACHEDIR\.TAG|[0-9a-f-]+[a-z0-9]*\.cache-\d+"),),
    ),
    _Rule(
        "mime-database",
        ("shared-mime-info",),
        below=(
            (
                "usr/share/mime",
                r"XMLnamespaces|aliases|generic-icons|globs2?|icons|magic|mime\.cache|subclasses"
                rf"|treemagic|types|version|(?:{_MEDIA})/[^/]+\.xml",
            ),
        ),
    ),
    _Rule("desktop-database", ("desktop-file-utils",), ("usr/share/applications/mimeinfo.cache",)),
    _Rule(
        "glib-caches",
        ("libglib2.0-0t64", "libglib2.0-0"),
        (
            "usr/share/glib-2.0/schemas/gschemas.compiled",
            "usr/lib/{triplet}/gio/modules/giomodule.cache",
        ),
    ),
    _Rule(
        "gdk-pixbuf",
        ("libgdk-pixbuf-2.0-0", "libgdk-pixbuf2.0-0"),
        ("usr/lib/{triplet}/gdk-pixbuf-2.0/2.10.0/loaders.cache",),
    ),
    _Rule("gconv", ("libc-bin", "libc6"), ("usr/lib/{triplet}/gconv/gconv-modules.cache",)),
    _Rule(
        "xml-catalogs",
        ("xml-core",),
        below=(("etc/xml", r"[^/]+\.xml(?:\.old)?|catalog(?:\.old)?"),),
    ),
    _Rule(
        "xml-catalogs",
        ("sgml-base",),
        ("etc/sgml/{catalog,catalog.old}", "var/lib/sgml-base/{supercatalog,supercatalog.old}"),
    ),
)

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
    for entry in files.below(dpkg.INFO_FOLDER.rstrip("/")):
        stem, _, kind = entry.path[len(dpkg.INFO_FOLDER) :].rpartition(".")
        if (owner := stems.get(stem)) is not None and "/" not in kind:
            found.setdefault(owner, []).append(entry.path)
    for ref, paths in found.items():
        yield Owned(ref, tuple(paths), rule="dpkg-control")


def _by_rules(files: FileView, named: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[Owned]:
    for rule in _RULES:
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
