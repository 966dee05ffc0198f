"""The settings of a recorded build, restored: variables, build arguments, no cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.builder import builder_for
from bom.builder.uncached import uncached
from bom.errors import BomError, Refused
from bom.observe.environment import steers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bom.rebuild.recipe import Recipe

_PUSHES: Final = ("--push", "push=true", "type=registry")


def with_secrets(recipe: Recipe, secrets: Mapping[str, str]) -> Recipe:
    """The recipe with what the BOM leaves out. Raises BomError where something is wanting."""
    wanting = sorted({name for name in recipe.wanting if name not in secrets})
    if not wanting:
        return recipe.given(secrets)
    named = [name for name in wanting if name]
    if not named:
        raise BomError(
            "the BOM leaves out a secret that stood within the build's command line",
            hint="build with secrets that the command names (a variable, --secret), and seal again",
        )
    raise BomError(
        f"the BOM leaves out secrets that the build was given: {', '.join(named)}",
        hint=f"give each one here: --env {named[0]} takes it from this environment",
    )


def environment(recipe: Recipe, own: Mapping[str, str], listed: Collection[str]) -> dict[str, str]:
    """The user's own variables, and in place of all that steer a build those that were recorded.
    `listed`: further names that the project's configuration records."""
    found = {name: value for name, value in own.items() if not (steers(name) or name in listed)}
    found.update(recipe.environment)
    found.update(
        {  # `--build-arg KEY` took its value from the environment
            name: value for name, value in recipe.arguments.items() if name in recipe.command
        }
    )
    return found


def refuse_publishing(recipe: Recipe, gaps: Sequence[str]) -> None:
    """Raises Refused for a build that would publish what it makes: a rebuild is nobody's release.
    `gaps`: of the BOM; there it says what was pushed."""
    pushed = [text for text in gaps if text.startswith("seal.pushed:")]
    words = any(mark in word for word in recipe.command for mark in _PUSHES)
    if pushed or words:
        raise Refused(
            "the recorded build pushes what it makes into a registry, so building it again would"
            " publish it",
            hint="seal what a build without --push makes; that can be rebuilt",
        )


def without_cache(command: Sequence[str], images: Sequence[str]) -> tuple[str, ...]:
    """The command with the builder's cache switched off: what a cached step made says nothing of
    what it would make now. Raises BomError where that can't be done."""
    if images and builder_for(command).name == "files":
        raise Refused(
            f"`{command[0]}` builds its image some way of its own, and can't be kept from using"
            " the builder's cache",
            hint="wrap the `docker build` in it, instead of naming the image with --image",
        )
    return uncached(command)


def makes_images(command: Sequence[str], images: Sequence[str]) -> bool:
    """Whether it needs a place for the images that it makes."""
    return builder_for(command, images).name != "files"
