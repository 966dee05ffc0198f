"""The JSON schemas of what `bom` reads and writes, from their pydantic models.

`python -m bom.report.schemas DIR` writes them; a test compares them with those in schemas/.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bom.capsule_record import CapsuleRecord
from bom.check_record import CheckRecord
from bom.config import Config
from bom.lock_record import Lock
from bom.report.audit_record import AuditRecord
from bom.report.changes_record import DiffRecord
from bom.report.checksums_record import Checksums, ChecksumsResult
from bom.report.initialised import InitRecord
from bom.report.machine import DoctorRecord
from bom.report.records import (
    ComparisonRecord,
    FileRecord,
    InstallRecord,
    KeyRecord,
    MovesRecord,
    ResultRecord,
    VerdictRecord,
)

if TYPE_CHECKING:
    from pydantic import BaseModel


def schemas() -> dict[str, str]:
    """File name -> text."""
    models: dict[str, type[BaseModel]] = {
        "bom.toml": Config,
        "audit": AuditRecord,
        "checksums": Checksums,
        "checksums-result": ChecksumsResult,
        "verdict": VerdictRecord,
        "comparison": ComparisonRecord,
        "diff": DiffRecord,
        "result": ResultRecord,
        "check": CheckRecord,
        "key": KeyRecord,
        "doctor": DoctorRecord,
        "init": InitRecord,
        "file": FileRecord,
        "install": InstallRecord,
        "capsule": CapsuleRecord,
        "lock": Lock,
        "moved": MovesRecord,
    }
    return {
        f"{name}.schema.json": json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                **model.model_json_schema(),
            },
            indent=2,
        )
        + "\n"
        for name, model in models.items()
    }


if __name__ == "__main__":
    for file_name, text in schemas().items():
        (Path(sys.argv[1]) / file_name).write_text(text, encoding="utf-8")
