"""Languages: the locale's name, its numbers, its names of months, its messages, its encoding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_REMEDY: Final = "Set LC_ALL=C.UTF-8 for the build, or in the script that writes this."
# Rows of words that say the same in English and elsewhere: months, days, and what tools print.
_MEANINGS: Final = (
    "january jan januar janvier janv enero ene gennaio gen januari janeiro",
    "february feb februar février févr febrero febbraio februari fevereiro fev",
    "march mar märz mär mars marzo maart mrt março",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag mei maio",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
    "monday mon montag mo lundi lun lunes lunedì maandag ma segunda",
    "tuesday tue dienstag di mardi mar martes martedì dinsdag terça",
    "wednesday wed mittwoch mi mercredi mer miércoles mié mercoledì woensdag wo quarta",
    "thursday thu donnerstag do jeudi jeu jueves jue giovedì gio donderdag quinta",
    "friday fri freitag fr vendredi ven viernes vie venerdì vrijdag vr sexta",
    "saturday sat samstag sa samedi sam sábado sáb sabato sab zaterdag za",
    "sunday sun sonntag so dimanche dim domingo dom domenica zondag zo",
    "warning warnung attention avertissement aviso advertencia avviso waarschuwing",
    "error fehler erreur fout errore erro",
    "note anmerkung hinweis nota opmerking",
    "total insgesamt totaal totale",
    "yes ja oui sí sì sim",
    "no nein non nee não",
    "true wahr vrai verdadero vero waar",
    "false falsch faux falso onwaar",
    "file datei fichier archivo fichero bestand arquivo ficheiro",
    "directory verzeichnis répertoire dossier directorio cartella map diretório",
)
_WORDS: Final[dict[str, frozenset[int]]] = {
    word: frozenset(row for row, words in enumerate(_MEANINGS) if word in words.split())
    for spelled in _MEANINGS
    for word in spelled.split()
}
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
        or _means_the_same(one, two)
        or _messages(spot)
        or _unencodable(one, two)
    )
    return Judgement("locale", f"{one} and {two}", _REMEDY) if seen else None


def _known(one: str, two: str, scene: Scene) -> bool:
    first, second = scene.known
    return bool(first.locale and second.locale and (one, two) == (first.locale, second.locale))


def _written_otherwise(one: str, two: str) -> bool:
    """One number with other separators: 3.14 and 3,14."""
    return bool(
        _NUMBER.fullmatch(one)
        and _NUMBER.fullmatch(two)
        and _SEPARATORS.sub("", one) == _SEPARATORS.sub("", two)
    )


def _means_the_same(one: str, two: str) -> bool:
    """Whether all words that differ are one word in two languages, in any order of a date."""
    first, second = (re.findall(r"[^\W\d_]{2,}", text.casefold()) for text in (one, two))
    digits = [sorted(re.findall(r"\d+", text)) for text in (one, two)]
    if first == second or len(first) != len(second) or digits[0] != digits[1]:
        return False
    for word in first:
        rows = _WORDS.get(word, frozenset())
        same = next((other for other in second if rows & _WORDS.get(other, frozenset())), None)
        if same is None:
            return False
        second.remove(same)
    return True


def _messages(spot: Spot) -> bool:
    lines = [(spot.before + token.text + spot.after).casefold() for token in (spot.one, spot.two)]
    texts = (spot.one.text.casefold(), spot.two.text.casefold())
    for row in _MESSAGES:
        said = [
            [message for message in row if _holds(line, text, message.casefold())]
            for line, text in zip(lines, texts, strict=True)
        ]
        if said[0] and said[1] and said[0] != said[1]:
            return True
    return False


def _holds(line: str, text: str, message: str) -> bool:
    return message in line or (len(text) > 3 and text in message)


def _unencodable(one: str, two: str) -> bool:
    """A character that the locale's encoding lacks became `?`, or an escape."""
    for rich, poor in ((one, two), (two, one)):
        if rich.isascii() or not poor.isascii():
            continue
        if poor in (
            rich.encode("ascii", "replace").decode(),
            rich.encode("ascii", "backslashreplace").decode(),
            rich.encode("utf-8")
            .decode("ascii", "surrogateescape")
            .encode("ascii", "replace")
            .decode(),
        ):
            return True
    return False
