"""No secrets in anything that `bom` writes.

Whatever comes from outside (command lines, URLs, remotes, build args, image ENV) passes through
here on its way into a document.
"""

from __future__ import annotations

from typing import Final

REDACTED: Final = "[redacted]"
