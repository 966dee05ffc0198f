"""Copyright files in prose: what they say in so many words is concluded, and nothing else."""

from __future__ import annotations

import pytest

from bom.catalog.debian.copyright import concluded_licences
from bom.model import Licence

GRANT = """\
This package was made by Somebody.

 * This program is free software; you can redistribute it and/or modify it under
 * the terms of the GNU {kind}General Public License as published by the Free Software
 * Foundation; either version {version} of the License, or (at your option) any
 * later version.

On Debian systems, the complete text can be found in /usr/share/common-licenses/{name}.
"""


def concluded(text: str) -> list[str]:
    found = concluded_licences(text.encode())
    assert {item.acknowledgement for item in found} <= {"concluded"}
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("kind", "version", "name", "expected"),
    [
        ("", "2", "GPL-2", "GPL-2.0-or-later"),
        ("", "3", "GPL-3", "GPL-3.0-or-later"),
        ("Lesser ", "2.1", "LGPL-2.1", "LGPL-2.1-or-later"),
        ("Library ", "2", "LGPL-2", "LGPL-2.0-or-later"),
        ("Affero ", "3", "AGPL-3", "AGPL-3.0-or-later"),
    ],
)
def test_the_usual_sentence_grants_that_version_or_a_later_one(
    kind: str, version: str, name: str, expected: str
) -> None:
    assert concluded(GRANT.format(kind=kind, version=version, name=name)) == [expected]


def test_only_one_version_is_granted_where_the_sentence_ends_with_it() -> None:
    start = "under the terms of the GNU General Public License "
    assert concluded(f"{start}version 2 as published by the Free Software Foundation.") == [
        "GPL-2.0-only"
    ]
    assert concluded(f"{start}version 2 only") == ["GPL-2.0-only"]
    assert concluded(f"{start}version 2 and some conditions of our own that follow") == []


def test_several_grants_and_references_are_all_told() -> None:
    text = (
        "The library is under the GNU Lesser General Public License, version 2.1 or later.\n"
        "The tools are under the GNU General Public License version 2 or any later version.\n"
        "Its data are under Apache-2.0, see /usr/share/common-licenses/Apache-2.0.\n"
    )
    assert concluded(text) == ["Apache-2.0", "GPL-2.0-or-later", "LGPL-2.1-or-later"]


def test_a_reference_alone_stays_a_name_for_later_versions_may_be_meant_or_not() -> None:
    text = "It is GPL software, see /usr/share/common-licenses/GPL-2."
    assert concluded_licences(text.encode()) == (Licence("GPL-2", "name", "concluded"),)
    assert concluded("It is GPL software, see /usr/share/common-licenses/GPL.") == []


def test_perls_terms_are_a_choice() -> None:
    text = (
        "This library is free software; you can redistribute it and/or modify it\n"
        "under the same terms as Perl itself.\n\nSee /usr/share/common-licenses/Artistic and\n"
        "/usr/share/common-licenses/GPL-1.\n"
    )
    assert concluded(text) == ["Artistic-1.0-Perl OR GPL-1.0-or-later"]
    both = GRANT.format(kind="", version="3", name="GPL-3") + text
    assert concluded(both) == []


@pytest.mark.parametrize(
    "more",
    [
        "As a special exception, you may link it with OpenSSL.",
        "Some files are under the BSD license.",
        "Permission is hereby granted, free of charge, to any person",
        "Permission to use, copy, modify, and distribute this software",
        "Redistribution and use in source and binary forms are permitted",
        "Alternatively, you may use it under other terms.",
        "The Debian packaging is under the terms above, upstream is not.",
        "Parts of it are in the public domain.",
        "The manual is under /usr/share/common-licenses/Artistic.",
    ],
)
def test_nothing_is_concluded_where_there_is_more_to_it(more: str) -> None:
    assert concluded(GRANT.format(kind="", version="2", name="GPL-2") + more) == []


def test_a_file_without_end_or_without_meaning_gives_nothing() -> None:
    grant = GRANT.format(kind="", version="2", name="GPL-2")
    assert concluded(grant + "x" * (1 << 20)) == []
    assert concluded("GNU General Public License " * 10_000) == []
    assert concluded_licences(b"\xff\x00" * 1000) == ()
