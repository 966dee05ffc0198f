"""How dates and times are written: ISO 8601 and RFC 3339, RFC 2822, ctime and `date`, `__DATE__`,
the comment of Java's properties, and the shorter forms that people use."""

from __future__ import annotations

from typing import Final

from bom.compare.causes import languages

_MONTH, _DAY = languages.names()
_YEAR: Final = r"(?:19[7-9]\d|20\d\d)"
_ZONE: Final = r"(?:Z|[+-]\d\d:?\d\d|[+-]\d\d|UTC|GMT|MSK|[A-Z]{1,3}[DS]?T)"
_CLOCK: Final = (
    rf"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?(?:\s?[AaPp]\.?[Mm]\.?)?(?:\s?{_ZONE}\b)?"
)
_MONTH_NUMBER: Final = r"(?:0[1-9]|1[0-2])"
_DAY_NUMBER: Final = r"(?:0[1-9]|[12]\d|3[01])"

# For a verbose pattern: white space counts only as `\s`. No named groups.
TIME: Final = rf"""
(?:(?<![\w.])(?=\d|{_DAY}|{_MONTH})(?:
  {_YEAR}-{_MONTH_NUMBER}-{_DAY_NUMBER}(?:(?:[Tt_-]|\s)(?:[01]\d|2[0-4])[:.-]?[0-5]\d(?:[:.-]?[0-6]\d(?:[.,]\d+)?)?(?:\s?{_ZONE}\b)?)?
 |{_YEAR}{_MONTH_NUMBER}{_DAY_NUMBER}(?:[Tt_.-]?(?:[01]\d|2[0-4])[0-5]\d(?:[0-6]\d)?(?:\.\d+)?Z?)?(?![\w])
 |{_YEAR}[/.]{_MONTH_NUMBER}[/.]{_DAY_NUMBER}(?:[\sT]{_CLOCK})?
 |(?:0?[1-9]|[12]\d|3[01])[/.](?:0?[1-9]|[12]\d|3[01])[/.](?:{_YEAR}|\d\d)(?:,?\s{_CLOCK})?(?![\w])
 |(?:{_DAY}\.?,?\s)?(?:0?[1-9]|[12]\d|3[01])\.?[\s-]{_MONTH}\.?,?[\s-](?:{_YEAR}|\d\d)(?![\d:])(?:,?\s(?:at\s)?{_CLOCK})?(?![\w])
 |(?:{_DAY}\.?,?\s)?(?:0?[1-9]|[12]\d|3[01])\.?\s{_MONTH}\.?\s{_CLOCK}(?:\s{_YEAR})?(?![\w])
 |(?:{_DAY}\.?,?\s)?{_MONTH}\.?\s{{1,2}}(?:0?[1-9]|[12]\d|3[01])(?:\s{_CLOCK}(?:\s{_YEAR})?|,?\s{{1,2}}{_YEAR}(?:,?\s(?:at\s)?{_CLOCK})?)(?![\w])
 |{_MONTH}\s{_YEAR}(?![\w])
 |{_CLOCK}(?![\w:])
 |{_MONTH}\s[\s\d]\d\s{_YEAR}(?:\s?\d\d:\d\d:\d\d)?
 |(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?![\d:])
))
"""
