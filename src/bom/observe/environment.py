"""The environment of the build: what steers its output into the BOM, the rest into the record.

Values are taken only of the variables listed here and in bom.toml, and only where no secret
detector fires; of all others the names alone, and those in the run record.
"""

from __future__ import annotations

import fnmatch
import os
import platform
import re
from typing import TYPE_CHECKING, Final

from bom.model import Gap, RunDetail, Setting, Tool
from bom.printable import printable_os
from bom.redact import REDACTED, command, secrets_of, text, value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.model import Observation
    from bom.observe.protocol import BuildContext

# What the compilers, packagers and builders at hand read and what shows in their output.
STEERING: Final = (
    *("SOURCE_DATE_EPOCH", "LANG", "LANGUAGE", "LC_*", "ZERO_AR_DATE", "DEB_BUILD_OPTIONS"),
    *("CC", "CXX", "CPP", "FC", "LD", "AR", "AS", "NM", "RANLIB", "STRIP", "OBJCOPY"),
    *("CFLAGS", "CXXFLAGS", "CPPFLAGS", "FFLAGS", "LDFLAGS", "LDLIBS", "ARFLAGS", "ASFLAGS"),
    *("MAKEFLAGS", "CMAKE_BUILD_TYPE", "CMAKE_GENERATOR", "DEB_*_MAINT_*", "QA_RPATHS"),
    *("PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE", "PYTHONUTF8"),
    *(
        "PIP_NO_BINARY",
        "PIP_ONLY_BINARY",
        "PIP_PREFER_BINARY",
        "ARCHFLAGS",
        "_PYTHON_HOST_PLATFORM",
    ),
    *("SETUPTOOLS_SCM_PRETEND_VERSION*", "HATCH_BUILD_*", "MACOSX_DEPLOYMENT_TARGET"),
    *("NODE_ENV", "NODE_OPTIONS", "BABEL_ENV"),
    *("GOOS", "GOARCH", "GOARM", "GOAMD64", "GOFLAGS", "GOEXPERIMENT", "GOTOOLCHAIN"),
    *("CGO_ENABLED", "CGO_CFLAGS", "CGO_LDFLAGS"),
    *("RUSTFLAGS", "RUSTC", "RUSTUP_TOOLCHAIN", "CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS"),
    *("CARGO_PROFILE_*", "CARGO_INCREMENTAL", "MAVEN_OPTS", "MAVEN_ARGS", "GRADLE_OPTS"),
    *("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"),
    *("DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM", "BUILDKIT_*", "BUILDX_*"),
)
# Said per run or per host by their very nature, whatever the list above matches.
_PER_RUN: Final = (
    *("BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDX_METADATA_*", "BUILDX_BAKE_*"),
    *("BUILDKIT_HOST", "BUILDKIT_PROGRESS", "BUILDKIT_COLORS", "BUILDX_GIT_*"),
)
_IN_RECORD: Final = ("TZ",)  # docs/adr/0002
# Of continuous integration: what tells which run it was. Names only, values are public there.
_CI: Final[Mapping[str, tuple[str, ...]]] = {
    "github": ("GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_WORKFLOW_REF"),
    "gitlab": ("CI_PROJECT_PATH", "CI_PIPELINE_ID", "CI_JOB_ID", "CI_JOB_URL"),
    "jenkins": ("JOB_NAME", "BUILD_NUMBER", "BUILD_URL"),
    "buildkite": ("BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER", "BUILDKITE_JOB_ID"),
    "circleci": ("CIRCLE_PROJECT_REPONAME", "CIRCLE_WORKFLOW_ID", "CIRCLE_BUILD_NUM"),
    "azure": ("BUILD_DEFINITIONNAME", "BUILD_BUILDID"),
}
_CI_MARKS: Final = {
    "github": "GITHUB_ACTIONS",
    "gitlab": "GITLAB_CI",
    "jenkins": "JENKINS_URL",
    "buildkite": "BUILDKITE",
    "circleci": "CIRCLECI",
    "azure": "TF_BUILD",
}
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
# A make above this one passes its job server and verbosity down: no input of the build.
_OF_THIS_RUN: Final = re.compile(
    r"-?[ws]+$|-j|-l|-O|--(?:$|jobserver|output-sync|no-print|print-d)"
)
_ABSOLUTE: Final = re.compile(r"(?:^|[\s=:,;\"'])/|(?:^|\s)-[A-Za-z]/")


class EnvironmentObserver:
    """Variables, platform, C library, the command line."""

    name = "environment"

    def observe(self, build: BuildContext) -> Iterator[Observation]:
        known = secrets_of(build.environment)
        line = command(build.command, root=build.root, cwd=build.cwd, known=known)
        yield Setting("command", "command", line)
        inside = os.path.relpath(build.cwd, build.root)
        if inside != "." and not inside.startswith(".."):
            yield Setting("option", "working-directory", inside)
        yield from _variables(build)
        yield from _machine(build)
        yield from _run(build)


def _variables(build: BuildContext) -> Iterator[Observation]:
    unnamed: list[str] = []
    for name, found in sorted(build.environment.items()):
        name, found = printable_os(name), printable_os(found)
        # one that `bom` set is the same everywhere, so nothing keeps it out of the BOM
        in_record = name in _IN_RECORD and name not in build.fixed
        if in_record:
            yield RunDetail(f"environment.{name}", text(found))
        steering = name in build.fixed or (steers(name) and not in_record)
        if name in build.config.environment or steering:
            yield from _variable(build, name, found)
        elif not in_record:
            unnamed.append(text(name))
    for name, found in sorted(build.replaced.items()):
        yield RunDetail(f"environment.{printable_os(name)}", text(printable_os(found)))
    for name in unnamed:
        yield RunDetail("environment.name", name)


def steers(name: str) -> bool:
    """Whether the variable's value goes into a BOM by its very name."""
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _PER_RUN):
        return False
    if name.startswith("BUILDKITE"):
        return False  # the CI system of that name, not BuildKit
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in STEERING)


def _variable(build: BuildContext, name: str, found: str) -> Iterator[Observation]:
    if name == "MAKEFLAGS":
        found = " ".join(word for word in found.split() if not _OF_THIS_RUN.match(word))
        if not found:
            return
    known = any(secret in found for secret in secrets_of(build.environment))
    shown = REDACTED if known else value(name, found)
    if shown == REDACTED:
        yield Setting("environment", name, REDACTED)
        yield Gap("environment.value", name, "its name or its value looks like a secret")
        return
    if _ABSOLUTE.search(found):
        # flags name places (-ffile-prefix-map=/home/me/project=.): the same rule as for the
        # command line keeps them equal in another clone
        shown = " ".join(
            _bare(word, build) for word in (found.split(" ") if " " in found else [found])
        )
    yield Setting("environment", name, shown)


def _bare(word: str, build: BuildContext) -> str:
    import shlex

    parts = shlex.split(command([word], root=build.root, cwd=build.cwd))
    return parts[0] if parts else ""


def _machine(build: BuildContext) -> Iterator[Observation]:
    machine = platform.machine()
    system = platform.system().lower()
    if not build.builds_image:  # an image's platform is the engine's to say, not this machine's
        yield Setting("platform", "platform", f"{system}/{_MACHINES.get(machine, machine)}")
        yield _c_library()
    yield RunDetail("host.kernel", f"{platform.system()} {platform.release()}")
    yield RunDetail("host.cpu", machine)
    yield RunDetail("host.os", _os_name())
    if build.config.record_host:
        yield RunDetail("host.name", platform.node())
        yield RunDetail("host.user", _user())


def _user() -> str:
    """The account's name; its number where the system has no name for it, as in containers."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _c_library() -> Tool | Gap:
    """glibc says its version by confstr(3); other C libraries have no such way."""
    try:
        stated = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        stated = ""
    name, _, version = stated.partition(" ")
    if name and version:
        return Tool("c-library", name, version, evidence="stated")
    return Gap("tool.version", "c-library", "the C library does not state its version")


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "") or platform.system()
    except OSError:
        return platform.system()


def _run(build: BuildContext) -> Iterator[RunDetail]:
    for system, mark in _CI_MARKS.items():
        if not build.environment.get(mark):
            continue
        yield RunDetail("ci.system", system)
        for name in _CI[system]:
            if found := build.environment.get(name):
                yield RunDetail(f"ci.{name}", text(printable_os(found)))
