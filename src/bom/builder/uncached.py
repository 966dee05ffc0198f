"""A build of images that takes nothing from an earlier one: a step that is found in the cache
proves nothing about this machine, this hour or this source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.builder import builder_for

if TYPE_CHECKING:
    from collections.abc import Sequence


def uncached(command: Sequence[str], images: Sequence[str] = ()) -> tuple[str, ...]:
    """The same command, with the option that switches off the cache of the builder that it calls.
    A command that calls none (`images`: however it makes them) is as it was. Raises BomError for
    one that isn't understood."""
    argv = tuple(command)
    place = _place(argv, builder_for(argv, images).name)
    return argv if place is None else (*argv[:place], "--no-cache", *argv[place:])


def _place(argv: tuple[str, ...], kind: str) -> int | None:
    """The index behind the subcommand's words."""
    if kind == "docker":
        from bom.builder.docker.command import parse

        return parse(argv).at
    if kind in ("bake", "compose"):
        from bom.builder.docker.plugin import parse as parse_plugin

        return parse_plugin(argv).at
    if kind == "podman":
        from bom.builder.podman.command import parse as parse_podman

        return parse_podman(argv).at
    return None
