"""Image archives: configuration, history, manifest, and the layers by their position.

Digests in names and documents follow from what they are of, so none is compared: neither the
names of blobs nor diff IDs, descriptors and the order that a store gives blobs by digest.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from bom.archive import decompress
from bom.archive.tar_header import is_header
from bom.compare.content import first_difference, head
from bom.compare.documents import compare_documents, compare_texts
from bom.compare.found import joined
from bom.compare.images import ImageFiles, LayerFile, StoredImage, image_files
from bom.compare.metadata import format_differs, time_differs
from bom.compare.packed import both_unpacked, compression_differs, unpacked
from bom.compare.tar import compare_tars
from bom.compare.tar_fields import tar_fields
from bom.compare.walk import Pair
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from bom.archive.positioned import Positioned
    from bom.compare.content import Unpacking
    from bom.compare.walk import Walk
    from bom.difference import Cause

_LAYER: Final = "Look at the instruction of the Dockerfile that makes this layer."
_PLATFORM: Final = "Build both for the same platforms."


class ImageContainer:
    name = "image"

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        # that it holds an image shows only when it is read
        return is_header(one[:512]) and is_header(two[:512])

    def compare(self, pair: Pair, walk: Walk) -> None:
        one, two = (image_files(part) for part in (pair.one, pair.two))
        images = {item.platform: item for item in one.images}
        others = {item.platform: item for item in two.images}
        for platform in sorted({*images, *others}):
            path = pair.path
            if len({*images, *others}) > 1:
                path = joined(path, platform or "unknown platform")
            first, second = images.get(platform), others.get(platform)
            if first is None or second is None:
                walk.found.firm = True
                told = "only in the first" if second is None else "only in the second"
                walk.say(path, "", "environment", f"an image for {platform} {told}", _PLATFORM)
            else:
                _images(path, walk, (one, first), (two, second))
        _outside(pair, walk, one, two)


def _images(
    path: str, walk: Walk, one: tuple[ImageFiles, StoredImage], two: tuple[ImageFiles, StoredImage]
) -> None:
    first, second = one[1], two[1]
    if first.tags != second.tags:
        compare_texts(path, walk, "tags", " ".join(first.tags), " ".join(second.tags))
    layers_differ = _layers(path, walk, one, two)
    compare_documents(path, walk, first, second, layers_differ=layers_differ)


def _layers(
    path: str, walk: Walk, one: tuple[ImageFiles, StoredImage], two: tuple[ImageFiles, StoredImage]
) -> bool:
    """Whether any of the layers is another."""
    differ = False
    numbered = enumerate(zip_longest(one[1].layers, two[1].layers), 1)
    for number, (first, second) in numbered:
        where = joined(path, f"layer {number}")
        if first is None or second is None:
            differ = walk.found.firm = True
            there = "first" if second is None else "second"
            step = (first or second or LayerFile("")).created_by
            told = f"a layer that only the {there} has" + (f": {step}" if step else "")
            candidates: tuple[Cause, ...] = ("environment", "tool-version")
            walk.say(where, "", "unknown", told, _LAYER, candidates)
            continue
        contents = one[0].content(first.name), two[0].content(second.name)
        at = first_difference(*contents)
        if at >= 0:
            differ = True
            _layer(where, walk, contents, at)
    return differ


def _layer(where: str, walk: Walk, contents: tuple[Positioned, Positioned], at: int) -> None:
    forms = [decompress.form_of(head(content, decompress.MAGIC)) for content in contents]
    with ExitStack() as kept:
        if all(forms):
            one, two = both_unpacked(*contents, walk.unpacking, kept)
        else:
            one, two = (
                _plain(content, form, walk.unpacking, kept)
                for content, form in zip(contents, forms, strict=True)
            )
        if any(forms):
            at = first_difference(one, two)
        if at < 0:
            if forms[0] != forms[1]:
                told = f"compressed with {forms[0] or 'nothing'} -> {forms[1] or 'nothing'}"
                format_differs(walk, where, "", told)
            else:
                compression_differs(walk, where, "")
            return
        outer = walk.kept
        walk.kept = kept
        try:
            compare_tars(Pair(where, where, one, two, at), walk, layer=True)
        finally:
            walk.kept = outer


def _plain(content: Positioned, form: str, unpacking: Unpacking, kept: ExitStack) -> Positioned:
    return unpacked(content, unpacking, kept) if form else content


def _outside(pair: Pair, walk: Walk, one: ImageFiles, two: ImageFiles) -> None:
    """The entries of the archive itself, of those that both have by one role. Their times are the
    image's own, so they are looked at only where nothing of the image differs."""
    if walk.found:
        return
    firsts, seconds = one.roles(), two.roles()
    for role in sorted(firsts.keys() & seconds.keys()):
        fields = tar_fields(one.header(firsts[role])), tar_fields(two.header(seconds[role]))
        if fields[0].mtime != fields[1].mtime:
            time_differs(walk, pair.path, role, fields[0].mtime, fields[1].mtime)
        elif fields[0] != fields[1]:
            told = f"tar header: {fields[0].format} -> {fields[1].format}"
            format_differs(walk, pair.path, role, told)
    for files, others in ((one, two), (two, one)):
        for name in sorted(files.names() - others.names()):
            told = "a file of the archive that only one of the two has"
            format_differs(walk, pair.path, name, told)
    if not walk.found:
        raise BadArtifact("not-an-image", "nothing of the image differs: it is looked at as a tar")
