"""What moved between two locks, and what a finished build says of a lock."""

from __future__ import annotations

from bom.lock.making import built
from bom.lock.moved import Moved, moved
from bom.lock_record import Lock, LockedFile, LockedImage, LockedInstall, LockedPackage, LockedTool
from bom.model import Component, Dependency, Hash, Material

ONE, TWO = "11" * 32, "22" * 32


def image(name: str, digest: str) -> LockedImage:
    return LockedImage(name=name, digest=f"sha256:{digest}", of="name")


def install(digest: str = ONE, version: str = "2.0") -> LockedInstall:
    package = LockedPackage(purl=f"pkg:deb/curl@{version}?arch=amd64", sha256=digest)
    return LockedInstall(
        dockerfile="Dockerfile",
        image="debian:12",
        asked=["curl"],
        packages=[package],
        present=["base-files=12", "libc6:amd64=2.36"],
    )


def test_equal_locks_have_nothing_moved() -> None:
    lock = Lock(images=[image("a:1", ONE)], installs=[install()])
    assert moved(lock, lock) == ()


def test_each_kind_of_input_that_moved_is_told_with_both_sides() -> None:
    before = Lock(
        files=[LockedFile(path="uv.lock", sha256=ONE)],
        images=[image("a:1", ONE), image("gone:1", ONE)],
        installs=[install()],
        tools=[LockedTool(kind="compiler", name="gcc", version="12")],
    )
    after = Lock(
        files=[LockedFile(path="uv.lock", sha256=TWO)],
        images=[image("a:1", TWO), image("new:1", ONE)],
        installs=[install(TWO, "2.1")],
        tools=[LockedTool(kind="compiler", name="gcc", version="13")],
    )
    assert [item.sentence for item in moved(before, after)] == [
        f"image a:1: sha256:{ONE} -> sha256:{TWO}",
        f"image gone:1 is not there any more (sha256:{ONE})",
        f"image new:1 is not in bom.lock (sha256:{ONE})",
        f"lock-file uv.lock: sha256:{ONE} -> sha256:{TWO}",
        f"package curl in Dockerfile on debian:12: 2.0?arch=amd64 sha256:{ONE}"
        f" -> 2.1?arch=amd64 sha256:{TWO}",
        "tool compiler gcc: 12 -> 13",
    ]


def base(digest: str, name: str = "debian:12") -> Material:
    return Material("base-image", name, (Hash("SHA-256", digest),))


def deb(name: str, version: str) -> Dependency:
    return Dependency(
        Component("library", name, version, purl=f"pkg:deb/debian/{name}@{version}?arch=amd64")
    )


def test_a_build_on_what_is_locked_has_nothing_moved() -> None:
    lock = Lock(images=[image("debian:12", ONE)], installs=[install()])
    facts = (base(ONE), deb("curl", "2.0"), deb("libc6", "2.36"), deb("base-files", "12"))
    assert built(lock, facts) == ()


def test_a_builder_that_took_another_image_is_told() -> None:
    lock = Lock(images=[image("debian:12", ONE)])
    assert built(lock, (base(TWO), base(ONE, "other:1"))) == (
        Moved("image", "debian:12", f"sha256:{ONE}", f"sha256:{TWO}"),
        Moved("image", "other:1", "", f"sha256:{ONE}"),
    )


def test_packages_of_another_version_or_from_nowhere_are_told() -> None:
    lock = Lock(images=[image("debian:12", ONE)], installs=[install()])
    facts = (base(ONE), deb("curl", "2.1"), deb("extra", "1"), deb("libc6", "2.36"))
    assert built(lock, facts) == (
        Moved("package", "curl", "2.0", "2.1"),
        Moved("package", "extra", "", "1"),
    )
