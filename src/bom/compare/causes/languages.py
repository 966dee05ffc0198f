"""Words that say the same in several languages: months, days, and what tools print."""

from __future__ import annotations

import re
from typing import Final

# The first two words of a row are English. Months come first, then days.
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

_DATES: Final = 19  # rows of months and days
_SHORT: Final = 3
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")


def names() -> tuple[str, str]:
    """Patterns of the names of months and of days, the longer first."""
    return _pattern(_MEANINGS[:12]), _pattern(_MEANINGS[12:_DATES])


def _pattern(rows: tuple[str, ...]) -> str:
    words = {word for row in rows for word in row.split() if len(word) > 1}
    spelled = sorted(
        words | {word.capitalize() for word in words}, key=lambda word: (-len(word), word)
    )
    return f"(?:{'|'.join(spelled)})"


def mean_the_same(one: str, two: str) -> bool:
    """Whether all words that differ are one word in two languages, in any order of a date."""
    first, second = (_LETTERS.findall(text.casefold()) for text in (one, two))
    digits = [sorted(re.findall(r"\d+", text)) for text in (one, two)]
    if not digits[0] and max(map(len, first + second), default=0) <= _SHORT:
        return False  # `set` and `sep` are months only beside a number
    if first == second or len(first) != len(second) or digits[0] != digits[1]:
        return False
    for word in first:
        rows = _WORDS.get(word, frozenset())
        same = (
            word
            if word in second
            else next((other for other in second if rows & _WORDS.get(other, frozenset())), None)
        )
        if same is None:
            return False
        second.remove(same)
    return True


def of_two_languages(one: str, two: str) -> bool:
    """Whether one of two dates has names in English and the other has not."""
    english = [_english(_LETTERS.findall(text.casefold())) for text in (one, two)]
    return None not in english and english[0] != english[1]


def _english(words: list[str]) -> bool | None:
    """None where no name of a month or a day tells."""
    rows = [row.split() for row in _MEANINGS[:_DATES]]
    known = [word for word in words if any(word in row for row in rows)]
    if not known:
        return None
    return all(any(word in row[:2] for row in rows) for word in known)
