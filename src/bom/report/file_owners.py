"""Which files of an image belong to nothing that is known, as a person reads it: by the layer that
brought them, and the step that made the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from bom.report.text import inert, share_text, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.model import Layer

_SHOWN: Final = 20  # files of one layer
_STEP: Final = 100  # characters of the step that made it


class File(Protocol):
    """What is told of a file (catalog/attribution.py, FileOwner)."""

    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def layer(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def executable(self) -> bool: ...


def unaccounted(files: Sequence[File], layers: Sequence[Layer]) -> str:
    """Lines ending in a newline: the share that is accounted for, then the files that are not."""
    left = [item for item in files if not item.owner]
    done = len(files) - len(left)
    total, unknown = (sum(item.size for item in some) for some in (files, left))
    share = f"{share_text(done, len(files))} of {len(files):,} files"
    share += f", {share_text(total - unknown, total)} of {size_text(total)}"
    lines = [f"accounted for: {share}"]
    for number, layer in enumerate(layers, 1):
        here = [item for item in left if item.layer == layer.diff_id]
        if not here:
            continue
        left = [item for item in left if item.layer != layer.diff_id]
        step = inert(" ".join(layer.created_by.split()))
        step = step if len(step) <= _STEP else f"{step[: _STEP - 1]}…"
        count = f"{len(here):,} files" if len(here) != 1 else "1 file"
        lines.append(f"layer {number} of {len(layers)}: {count} of nobody known")
        if step:
            lines.append(f"  made by {step}")
        lines += [
            f"  {inert(item.path)} ({size_text(item.size)}{_mark(item)})" for item in here[:_SHOWN]
        ]
        if len(here) > _SHOWN:
            lines.append(f"  … and {len(here) - _SHOWN:,} more (--json lists them all)")
    return "".join(f"{line}\n" for line in lines)


def _mark(item: File) -> str:
    return ", executable" if item.executable else ""
