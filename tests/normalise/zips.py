"""Zips as a build packs them."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.normalise.conftest import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

OLD = (2001, 9, 9, 1, 46, 40)


def moment(seconds: int) -> tuple[int, ...]:
    return datetime.fromtimestamp(seconds, UTC).timetuple()[:6]


def packed(
    entries: Iterable[tuple[str, bytes] | tuple[zipfile.ZipInfo, bytes]],
    method: int = zipfile.ZIP_DEFLATED,
    time: tuple[int, ...] | None = None,
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries:
            info = name
            if isinstance(info, str):
                info = zipfile.ZipInfo(info, time or moment(EPOCH + 3_600))  # type: ignore[arg-type]
                info.external_attr = 0o100644 << 16
                info.compress_type = zipfile.ZIP_STORED if info.is_dir() else method
            archive.writestr(info, content)
    return out.getvalue()


def opened_zip(data: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data))


def names(data: bytes) -> list[str]:
    return opened_zip(data).namelist()
