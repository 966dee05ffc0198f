"""Languages: the locale's name, its numbers, its names of months, its messages, its encoding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes import languages
from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_REMEDY: Final = "Set LC_ALL=C.UTF-8 for the build, or in the script that writes this."
# Messages of the C library (strerror) and of common tools, without what they are about.
_MESSAGES: Final = (
    (
        "No such file or directory",
        "Datei oder Verzeichnis nicht gefunden",
        "Aucun fichier ou dossier de ce type",
        "No existe el archivo o el directorio",
        "No existe el fichero o el directorio",
        "File o directory non esistente",
    ),
    ("Permission denied", "Keine Berechtigung", "Permission non accordée", "Permiso denegado"),
    ("File exists", "Die Datei existiert bereits", "Le fichier existe", "El archivo ya existe"),
    ("Is a directory", "Ist ein Verzeichnis", "est un dossier", "Es un directorio"),
    ("command not found", "Befehl nicht gefunden", "commande introuvable", "orden no encontrada"),
)
_CHARSETS: Final = re.compile(
    r"(?:utf-?8|ansi_x3\.4-1968|us-?ascii|ascii|iso-?8859-\d+|latin-?1|cp125\d)", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d+(?:[.,\u00a0\u202f ']\d+)*")
_SEPARATORS: Final = re.compile(r"[.,\u00a0\u202f ']")
_CASE: Final = re.compile(r"(?:^|[\s\"'])(?:LANG|LANGUAGE|LC_[A-Z]+)[\"']?\s?[=:]\s?[\"']?[\w.@]*$")


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    seen = (
        (set(spot.kinds) == {"locale"} or _CASE.search(spot.before) or _known(one, two, scene))
        or (_CHARSETS.fullmatch(one) and _CHARSETS.fullmatch(two))
        or _written_otherwise(one, two)
        or languages.mean_the_same(one, two)
        or _unencodable(one, two)
    )
    return Judgement("locale", f"{one} and {two}", _REMEDY) if seen else None


def _known(one: str, two: str, scene: Scene) -> bool:
    first, second = scene.known
    return bool(first.locale and second.locale and (one, two) == (first.locale, second.locale))


def _written_otherwise(one: str, two: str) -> bool:
    """One number with other marks at the same places: 3.14 and 3,14."""
    return bool(
        _NUMBER.fullmatch(one)
        and _NUMBER.fullmatch(two)
        and _SEPARATORS.sub(".", one) == _SEPARATORS.sub(".", two)
    )


def of_dates(spot: Spot) -> Judgement | None:
    """A language beside the time: two dates that differ in both."""
    one, two = spot.one.text, spot.two.text
    if spot.kinds == ("time", "time") and languages.of_two_languages(one, two):
        return Judgement("locale", f"{one} and {two}", _REMEDY)
    return None


def of_lines(one: str, two: str) -> Judgement | None:
    """Two lines that hold one message in two languages."""
    first, second = one.casefold(), two.casefold()
    for row in _MESSAGES:
        said = [
            next((message for message in row if message.casefold() in line), "")
            for line in (first, second)
        ]
        if all(said) and said[0] != said[1]:
            return Judgement("locale", f"{said[0]} and {said[1]}", _REMEDY)
    return None


def _unencodable(one: str, two: str) -> bool:
    """A character that the locale's encoding lacks became `?`, or an escape."""
    for rich, poor in ((one, two), (two, one)):
        if rich.isascii() or not poor.isascii():
            continue
        if poor in (
            rich.encode("ascii", "replace").decode(),
            rich.encode("ascii", "backslashreplace").decode(),
            rich.encode("utf-8", "surrogateescape")
            .decode("ascii", "surrogateescape")
            .encode("ascii", "replace")
            .decode(),
        ):
            return True
    return False
