"""What has to be known about a built tar before an envelope can go in front of it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from bom.errors import CannotSeal
from bom.seal._front import Placement, check_place

if TYPE_CHECKING:
    from bom.archive.tar import HeaderFormat, TarMember

# Volume labels and parts of multi-volume archives are only what they are as the first header.
_FIRST_ONLY = frozenset("VM")
_IMAGE_DOCUMENTS = frozenset(("manifest.json", "index.json", "oci-layout", "repositories"))


class Survey:
    """Sees every member of a built tar and says where the envelope goes."""

    def __init__(self) -> None:
        self.members = 0
        self.documents: dict[str, int] = {}  # an image's top documents, and how often they stand
        self._top = ""
        self._shared = True
        self._own: set[str] = set()

    @property
    def is_image(self) -> bool:
        """Whether this is an image archive: of `docker save` or an OCI layout."""
        return "manifest.json" in self.documents or (
            "index.json" in self.documents and "oci-layout" in self.documents
        )

    def see(self, member: TarMember) -> None:
        if not self.members and member.type in _FIRST_ONLY:
            raise CannotSeal("its first entry is a volume header, which must stay the first")
        self.members += 1
        top, slash, _ = member.name.partition("/")
        if not top or top == ".." or not (slash or member.is_directory):
            self._shared = False
        elif self.members == 1:
            self._top = top
        elif top != self._top:
            self._shared = False
        clean = posixpath.normpath(member.name).lstrip("/")
        if clean in _IMAGE_DOCUMENTS:
            self.documents[clean] = self.documents.get(clean, 0) + 1
        parts = clean.split("/")
        if ".bom" in parts[:2]:
            self._own.add("" if parts[0] == ".bom" else parts[0] + "/")

    def placement(self, first: HeaderFormat | None) -> Placement:
        """`first`: the format of the tar's first header. Raises CannotSeal."""
        if not self.members or first is None:
            raise CannotSeal("it is an empty archive")
        for name, times in self.documents.items():
            if times > 1 and self.is_image:
                raise CannotSeal(
                    f"it holds {name} {times} times, and readers disagree on which counts"
                )
        prefix = f"{self._top}/" if self._shared and not self.is_image else ""
        if "" in self._own or prefix in self._own:
            raise CannotSeal("it has entries of its own under .bom/")
        return check_place(Placement(prefix, first))
