"""What `zipfile` raises where a zip is damaged, encrypted or packed in a way that is not known."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from typing import Final

# Not OSError: that the file can't be read is for its reader to tell.
BROKEN_ZIP: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,  # an unknown compression
    RuntimeError,  # an encrypted member
)
