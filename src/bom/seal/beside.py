"""The names under which a BOM and its run record stand beside an artifact."""

from __future__ import annotations

from typing import Final

BESIDE: Final = "beside"  # bom-seal:seal of an artifact that carries nothing inside
BOM_ENDING: Final = ".bom.cdx.json"
BUNDLE_ENDING: Final = ".bom.cdx.json.sigstore.json"
RUN_RECORD_ENDING: Final = ".sigstore.jsonl"
ENDINGS: Final = (BOM_ENDING, BUNDLE_ENDING, RUN_RECORD_ENDING)
