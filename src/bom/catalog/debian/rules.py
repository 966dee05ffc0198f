"""The rules by which files that no .list names belong to a package, in docs/attribution.md too.

A rule names paths, never a whole tree that anybody may write into.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Rule(NamedTuple):
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

RULES: Final = (
    Rule(
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
    Rule(
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
    Rule(
        "package-log",
        ("dpkg",),
        below=(("var/log", rf"(?:dpkg|alternatives)\.log{_ROTATED}"),),
    ),
    Rule(
        "package-log",
        ("apt",),
        below=(("var/log/apt", rf"(?:history|term)\.log{_ROTATED}|eipp\.log\.xz"),),
    ),
    Rule("package-log", ("fontconfig",), ("var/log/fontconfig.log",)),
    Rule("login-records", ("login",), ("var/log/faillog",)),
    Rule("login-records", ("base-files",), ("var/log/{btmp,lastlog,wtmp}",)),
    Rule(
        "debconf-state",
        ("debconf", "cdebconf"),
        (
            "var/cache/debconf/{config.dat,passwords.dat,templates.dat}",
            "var/cache/debconf/{config.dat-old,passwords.dat-old,templates.dat-old}",
        ),
    ),
    Rule(
        "ucf-state",
        ("ucf",),
        below=(("var/lib/ucf", r"(?:hashfile|registry)(?:\.\d+)?|cache/:[^/]+"),),
    ),
    Rule("ldconfig", ("libc-bin",), ("etc/ld.so.cache", "var/cache/ldconfig/aux-cache")),
    Rule("accounts", ("base-passwd",), ("etc/{group,group-,passwd,passwd-}",)),
    Rule(
        "accounts",
        ("passwd",),
        (
            "etc/{gshadow,gshadow-,shadow,shadow-,.pwd.lock}",
            "etc/{subgid,subgid-,subuid,subuid-}",
        ),
    ),
    Rule("shells", ("debianutils",), ("etc/shells", "var/lib/shells.state")),
    Rule(
        "pam-auth-update",
        ("libpam-runtime",),
        (
            "etc/pam.d/common-{account,auth,password,session,session-noninteractive}",
            "var/lib/pam/{account,auth,password,seen,session,session-noninteractive}",
        ),
    ),
    Rule(
        "postinst",
        ("base-files",),
        ("etc/{motd,profile}", "root/{.bashrc,.profile}"),
    ),
    Rule("postinst", ("libc-bin",), ("etc/nsswitch.conf",)),
    Rule("postinst", ("libpam-modules",), ("etc/environment", "etc/security/opasswd")),
    Rule("postinst", ("readline-common",), ("etc/inputrc",)),
    Rule("postinst", ("kmod",), ("etc/modules",)),
    Rule("postinst", ("netbase",), ("etc/networks",)),
    Rule("postinst", ("libwrap0",), ("etc/{hosts.allow,hosts.deny}",)),
    Rule("postinst", ("ifupdown",), ("etc/network/interfaces",)),
    Rule("postinst", ("tzdata", "tzdata-legacy"), ("etc/{localtime,timezone}",)),
    Rule("postinst", ("locales",), ("etc/{default/locale,locale.conf,locale.gen}",)),
    Rule("postinst", ("man-db",), ("var/lib/man-db/auto-update",)),
    Rule("postinst", ("ssl-cert",), ("etc/ssl/certs/ssl-cert-snakeoil.pem",)),
    Rule("postinst", ("ssl-cert",), ("etc/ssl/private/ssl-cert-snakeoil.key",)),
    Rule(
        "postinst",
        ("openssh-server",),
        (
            "etc/ssh/ssh_host_{dsa,ecdsa,ed25519,rsa}_key",
            "etc/ssh/ssh_host_{dsa,ecdsa,ed25519,rsa}_key.pub",
        ),
    ),
    Rule(
        "postinst",
        ("emacsen-common",),
        below=(("var/lib/emacsen-common/state", r"(?:package|flavor)/installed/[^/]+"),),
    ),
    Rule("machine-id", ("systemd", "dbus"), ("etc/machine-id", "var/lib/dbus/machine-id")),
    Rule(
        "ca-certificates",
        ("ca-certificates",),
        ("etc/ca-certificates.conf", "etc/ssl/certs/ca-certificates.crt"),
    ),
    Rule(
        "ca-certificates",
        ("ca-certificates-java",),
        ("etc/ssl/certs/java/cacerts", "var/lib/ca-certificates-java/{fresh,pending}"),
    ),
    Rule(
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
    Rule("systemd-catalog", ("systemd",), ("var/lib/systemd/catalog/database",)),
    Rule("hwdb", ("systemd-hwdb", "udev"), ("{etc,usr/lib}/udev/hwdb.bin",)),
    Rule("info-dir", ("install-info", "base-files"), ("usr/share/info/{dir,dir.old}",)),
    Rule(
        "man-db",
        ("man-db",),
        below=(("var/cache/man", r"CACHEDIR\.TAG|(?:[^/]+/){0,2}index\.(?:db|bt|dir|pag)"),),
    ),
    Rule(
        "fontconfig",
        ("fontconfig", "fontconfig-config"),
        below=(("var/cache/fontconfig", r"CACHEDIR\.TAG|[0-9a-f-]+[a-z0-9]*\.cache-\d+"),),
    ),
    Rule(
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
    Rule("desktop-database", ("desktop-file-utils",), ("usr/share/applications/mimeinfo.cache",)),
    Rule(
        "glib-caches",
        ("libglib2.0-0t64", "libglib2.0-0"),
        (
            "usr/share/glib-2.0/schemas/gschemas.compiled",
            "usr/lib/{triplet}/gio/modules/giomodule.cache",
        ),
    ),
    Rule(
        "gdk-pixbuf",
        ("libgdk-pixbuf-2.0-0", "libgdk-pixbuf2.0-0"),
        ("usr/lib/{triplet}/gdk-pixbuf-2.0/2.10.0/loaders.cache",),
    ),
    Rule("gconv", ("libc-bin", "libc6"), ("usr/lib/{triplet}/gconv/gconv-modules.cache",)),
    Rule(
        "xml-catalogs",
        ("xml-core",),
        below=(("etc/xml", r"[^/]+\.xml(?:\.old)?|catalog(?:\.old)?"),),
    ),
    Rule(
        "xml-catalogs",
        ("sgml-base",),
        ("etc/sgml/{catalog,catalog.old}", "var/lib/sgml-base/{supercatalog,supercatalog.old}"),
    ),
)
