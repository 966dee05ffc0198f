"""A build that takes nothing from an earlier one."""

from __future__ import annotations

import pytest

from bom.builder.uncached import uncached
from bom.errors import BomError


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("docker build -t a:1 .", "docker build --no-cache -t a:1 ."),
        ("docker -H tcp://h:1 image build .", "docker -H tcp://h:1 image build --no-cache ."),
        ("docker buildx --builder b build .", "docker buildx --builder b build --no-cache ."),
        ("docker buildx bake -f b.hcl all", "docker buildx bake --no-cache -f b.hcl all"),
        ("docker compose -f c.yml build web", "docker compose -f c.yml build --no-cache web"),
        ("podman build -t a .", "podman build --no-cache -t a ."),
        ("buildah bud .", "buildah bud --no-cache ."),
        ("make image", "make image"),
    ],
)
def test_each_builder_is_told_to_leave_its_cache(command: str, expected: str) -> None:
    assert uncached(command.split()) == tuple(expected.split())


def test_a_command_that_makes_named_images_in_its_own_way_is_as_it_was() -> None:
    assert uncached(["docker", "build", "."], ["a:1"]) == ("docker", "build", ".")


def test_a_command_that_is_not_understood_is_said_so() -> None:
    with pytest.raises(BomError):
        uncached(["docker", "build", "--no-such-option", "."])
