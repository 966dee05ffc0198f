"""The options of the docker client and of its builds.

The tables hold every global option and every build option of the clients from 20.10 on, with
and without buildx.
"""

from __future__ import annotations

from typing import Final

from bom.builder.pflag import Option, Options, all_of, leading

__all__ = ["BUILD", "BUILDX", "GLOBAL", "Option", "Options", "all_of", "leading"]

GLOBAL: Final = Options(
    values=frozenset({"config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"}),
    flags=frozenset({"debug", "help", "tls", "tlsverify", "version"}),
    short={
        "c": "context",
        "D": "debug",
        "H": "host",
        "h": "help",
        "l": "log-level",
        "v": "version",
    },
)
BUILDX: Final = Options(
    values=frozenset({"builder"}),
    flags=frozenset({"debug", "help"}),
    short={"D": "debug", "h": "help"},
)
BUILD: Final = Options(
    values=frozenset(
        [
            "add-host",
            "allow",
            "annotation",
            "attest",
            "build-arg",
            "build-context",
            "builder",
            "cache-from",
            "cache-to",
            "call",
            "cgroup-parent",
            "cpu-period",
            "cpu-quota",
            "cpu-shares",
            "cpuset-cpus",
            "cpuset-mems",
            "file",
            "iidfile",
            "invoke",
            "isolation",
            "label",
            "memory",
            "memory-swap",
            "metadata-file",
            "network",
            "no-cache-filter",
            "output",
            "platform",
            "policy",
            "print",
            "progress",
            "provenance",
            "root",
            "sbom",
            "secret",
            "security-opt",
            "server-config",
            "shm-size",
            "ssh",
            "tag",
            "target",
            "ulimit",
        ]
    ),
    flags=frozenset(
        [
            "check",
            "compress",
            "debug",
            "detach",
            "disable-content-trust",
            "force-rm",
            "help",
            "load",
            "no-cache",
            "pull",
            "push",
            "quiet",
            "rm",
            "squash",
            "stream",
        ]
    ),
    short={
        "c": "cpu-shares",
        "D": "debug",
        "f": "file",
        "h": "help",
        "m": "memory",
        "o": "output",
        "q": "quiet",
        "t": "tag",
    },
)
