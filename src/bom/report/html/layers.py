"""An image's layers: their sizes, what came in with them, how much of it is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.report.contents import flat
from bom.report.foreign import as_number
from bom.report.html.building import steps_of
from bom.report.html.element import Html, element, joined
from bom.report.html.frame import section
from bom.report.html.nodes import cut
from bom.report.html.tables import bullets, code, folded, plural, table
from bom.report.text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.report.contents import Contents, LayerLine, Part


def layers(found: Contents) -> Html | None:
    """Nothing where it is no image."""
    holders = [part for part in (found.subject, *found.parts) if _told(part)]
    if not found.layers and not holders:
        return None
    counts: dict[tuple[str, str], int] = {}
    for part in flat(found.parts):
        for layer in part.facts.get("bom-seal:layer", ()):
            key = (part.platform, layer)
            counts[key] = counts.get(key, 0) + 1
    steps = {
        digest: f"{name}: {told}" if told else name
        for name, told, digests in steps_of(found)
        for digest in digests
    }
    inside: list[str] = []
    for holder in holders:
        inside += _accounted(holder)
    platforms = dict.fromkeys(line.platform for line in found.layers)
    for platform in platforms:
        lines = [line for line in found.layers if line.platform == platform]
        inside.append(_table(platform, lines, counts, steps))
    return section("layers", "Layers", *inside, count=str(len(found.layers)))


def _table(
    platform: str,
    lines: list[LayerLine],
    counts: dict[tuple[str, str], int],
    steps: dict[str, str],
) -> Html:
    largest = max((line.size for line in lines), default=0)
    total = sum(max(line.size, 0) for line in lines)
    rows = []
    for line in lines:
        step = " ".join(steps.get(line.digest, "").split())
        size = size_text(line.size) if line.size >= 0 else "not stated"
        share = f"{line.size / total:.0%} of all layers" if total and line.size >= 0 else ""
        rows.append(
            (
                line.number,
                joined((element("div", size), bar(line.size, largest, share))),
                f"{counts.get((platform, line.diff_id), 0):,}",
                code(line.diff_id),
                code(cut(step, 300)),
            )
        )
    of = f" of {platform}" if platform else ""
    caption = f"{plural(len(lines), 'layer')}{of}, {size_text(total)} as they are stored"
    return table(caption, ("Layer", "Size", "Components", "Diff ID", "Step"), rows)


def bar(value: int, whole: int, told: str) -> Html | None:
    """A share as a drawing, with its words for who doesn't see it."""
    if whole <= 0 or value < 0:
        return None
    width = f"{min(value / whole, 1) * 100:.2f}"
    return element(
        "svg",
        element("rect", class_="track", width="100", height="8"),
        element("rect", class_="share", width=width, height="8"),
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        role="img",
        aria_label=told,
    )


def _told(part: Part) -> bool:
    return "bom-seal:files:count" in part.facts


def _accounted(part: Part) -> Iterator[Html]:
    """How much of an image's final file system has a known owner."""
    numbers = [
        as_number(part.fact(f"files:{name}"))
        for name in ("accounted", "count", "accounted-bytes", "bytes")
    ]
    files, all_files, size, all_size = numbers
    if min(files, all_files) < 0:
        return
    share = _percent(files, all_files)
    told = f"{files:,} of {all_files:,} files ({share}) belong to something known"
    if min(size, all_size) >= 0:
        told += f", {size_text(size)} of {size_text(all_size)}"
    heading = "Accounted for" + (f" in {part.platform}" if part.platform else "")
    yield element("h3", heading)
    yield joined((element("p", f"{told}."), bar(files, all_files, share)))
    unknown = part.facts.get("bom-seal:files:unattributed-executable", ())
    if unknown:
        count = plural(len(unknown), "executable")
        yield folded(f"{count} of nobody known", bullets(unknown))


def _percent(part: int, whole: int) -> str:
    """Rounded down: 100 % are all of them."""
    return f"{part * 1000 // whole / 10:g} %" if whole else "100 %"
