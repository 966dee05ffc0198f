"""Words that strangers may put into a BOM, and that must stay words wherever they are printed.

`WORDS` is what every output is tried with: HTML, terminals, Markdown, annotations, GITHUB_OUTPUT.
`observations`, `document` and `sealed` have one of them, or all, in every place that takes a free
text.
"""

from __future__ import annotations

import re
import tarfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from bom import sha256sum
from bom.builder.protocol import Artifact, Silent
from bom.compose import statement
from bom.compose.bom import Evidence
from bom.compose.bom import document as composed
from bom.model import (
    BuildStep,
    BuildSteps,
    Check,
    Component,
    Dependency,
    Distribution,
    Finding,
    Gap,
    Hash,
    Licence,
    Material,
    Observation,
    Occurrence,
    Property,
    Reproduction,
    Revision,
    Setting,
    Subject,
    Tool,
)
from bom.sealing import Session, compose, write
from bom.sign.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# What each would do where it is not made harmless.
WORDS: Final[dict[str, str]] = {
    "html-image": "<img src=x onerror=alert(1)>",
    "html-script": "</script><script>alert(1)</script>",
    "html-style": "</style><style>*{display:none}</style>",
    "html-attribute": "\" autofocus onfocus=alert(1) x=\"' onclick='alert(1)",
    "html-comment": "--><h1>owned</h1><!--",
    "html-cdata": "]]><![CDATA[<b>owned</b>",
    "html-title": "</title></details></table></textarea><iframe src=//evil.example>",
    "html-entity": "&lt;b&gt;&#60;i&#62;&amp;",
    "html-svg": "<svg/onload=alert(1)>",
    "terminal-title": "\x1b]0;owned\x07",
    "terminal-clear": "\x1b[2J\x1b[H\x1b[31mred",
    "terminal-link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "terminal-clipboard": "\x1b]52;c;b3duZWQ=\x07",
    "terminal-c1": "\x9b31mred\x9d0;owned\x9c\x90q\x9c",
    "terminal-back": "good\b\b\b\bbad\x7f\x00",
    "terminal-return": "real\rfake",
    "newline": "one\ntwo\r\nthree\x0bfour\x0cfive\x85six\u2028seven\u2029eight",
    "direction": "txt.\u202egpj\u202c \u2066a\u2069 \u200fb",
    "invisible": "ad\u200bmin\u200d\ufeff\u00ad\u2060\U000e0041",
    "combining": "z" + "\u0301\u0316" * 30,
    "command-mask": "::add-mask::x",
    "command-output": "::set-output name=verdict::good",
    "command-blank": "  ::error file=a,line=1::owned",
    "command-stop": "::stop-commands::x",
    "command-line": "x\n::warning::owned",
    "command-hash": "##[add-mask]x ##vso[task.setvariable variable=x]y ###[group]z",
    "command-percent": "%0A::error::owned%0D%0A%25",
    "output-delimiter": "x\nEOF\nverdict=good\nBOM_EOF\nkey<<EOF",
    "expression": "${{ github.token }} ${{ secrets.KEY }}",
    "shell": "$(touch owned) `touch owned` ; touch owned | tee && echo $HOME",
    "mention": "@org/team @someone",
    "reference": "#1 org/repo#2 GH-3 !4 ~label %milestone :tada:",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "markdown-link": "x](http://evil.example) [y](javascript:alert(1)) [z][r]",
    "markdown-image": "![x](http://evil.example/x.png)",
    "markdown-definition": "[r]: http://evil.example 'title'",
    "markdown-heading": "# owned",
    "markdown-rule": "---",
    "markdown-quote": "> owned\n\n    code\n\n1. one\n- two",
    "markdown-emphasis": "**bold** _em_ ~~gone~~ ***",
    "markdown-code": "a`b``c```d\n```\nowned\n~~~",
    "markdown-backticks": "``",
    "markdown-table": "a|b||c\\|d\\\\|e",
    "markdown-escape": "\\`x\\` \\| \\",
    "markdown-fence": "```sh\nowned\n```",
    "markdown-math": "$$x$$ $`y`$",
    "autolink": "<http://evil.example> http://evil.example www.evil.example https://evil.example/x",
    "autolink-mail": "owned@evil.example mailto:owned@evil.example",
    "autolink-script": "<javascript:alert(1)>",
    "javascript": "javascript:alert(document.domain)",
    "data-url": "data:text/html,<script>alert(1)</script>",
    "csv": '=HYPERLINK("http://evil.example")',
    "path": "../../../../etc/passwd",
    "path-windows": "..\\..\\con",
    "percent-format": "%s %n {0} {x.__class__}",
    "json": '","owned":true,"x":"',
    "wide": "大" * 30 + "👩\u200d👩\u200d👧",
    "long": "x" * 1000,
    "blank": "   ",
}
HASH: Final = Hash("SHA-256", "ab" * 32)
EPOCH: Final = 1_700_000_000
# What no output may hold as it is: each tells of one way out of a text.
ACTIVE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0041]"
)


def observations(words: Sequence[str] = tuple(WORDS.values())) -> tuple[Observation, ...]:
    """Facts with each of the words in every place that takes a free text."""
    found: list[Observation] = [
        Revision(
            "1" * 40,
            "2024-01-01T00:00:00Z",
            "modified",
            modified=tuple(words),
            untracked=tuple(words),
            tree_digest="9" * 64,
            remote=words[0],
            signature_kind="ssh",
            signature_key=words[0],
        )
    ]
    for number, word in enumerate(words):
        purl = f"pkg:generic/p{number}@1"
        found += [
            Dependency(
                Component(
                    "library",
                    word,
                    word,
                    group=word,
                    purl=purl,
                    hashes=(HASH,),
                    hash_of="file",
                    licences=(Licence(word),),
                    supplier=word,
                    maintainer=word,
                    homepage=word,
                    description=word,
                    distributions=(Distribution(word, word, (HASH,)),),
                    occurrences=(Occurrence(word, 1),),
                    properties=(Property("bom-seal:npm:alias", word),),
                ),
                direct=number % 2 == 0,
            ),
            Dependency(Component("library", word, word, purl=f"pkg:generic/b{number}@1"), "build"),
            Tool("compiler", word, word, "stated", package=word),
            Setting("environment", word, word),
            Setting("build-arg", word, word),
            Setting("option", word, word),
            Material("base-image", word, (HASH,), version=word),
            Check(word, "failed", 3, 1, 0, (word,), command=word),
            Gap("tool.version", word, word),
            Gap("component.licence", word, word, purl),
            Finding("copies", word, word, word, word, purl),
        ]
    several = tuple(words)
    found.append(
        Reproduction(
            "different",
            several,
            several,
            tuple((word, word) for word in words),
            several,
            tuple(("unknown", word) for word in words),
            len(words),
        )
    )
    steps = (BuildStep(number, word, (word,)) for number, word in enumerate(words))
    found.append(BuildSteps(tuple(steps)))
    return tuple(found)


def subject(word: str, sha256: str = "ef" * 32, size: int = 12345) -> Subject:
    """An artifact that is called so."""
    return Subject(word, "tar", sha256, size, word, word, licences=(Licence(word),))


def document(words: Sequence[str] = tuple(WORDS.values())) -> dict[str, Any]:
    """An unsigned BOM that is full of them. It is valid: these are words like any other."""
    facts = observations(words)
    return composed(Evidence(subject(words[0]), facts, epoch=EPOCH, signed=False))


def sealed(folder: Path, words: Sequence[str] = tuple(WORDS.values())) -> tuple[Path, Path]:
    """A sealed artifact in `folder` whose BOM is full of them, and the public key's file."""
    built, target = folder / "hostile-built.tar", folder / "hostile.tar"
    with tarfile.open(built, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("README"))
        for number, word in enumerate(words):
            if "\x00" not in word:
                archive.addfile(tarfile.TarInfo(f"{number}-{word}".replace("/", "-")[:90]))
    key = PrivateKey.generate()
    public = folder / "hostile.pub"
    public.write_bytes(key.public.pem())
    named = subject(words[0], sha256sum.of_file(built), built.stat().st_size)
    time = "2024-01-01T00:00:00Z"
    run = statement.Run(time, time, "urn:uuid:00000000-0000-0000-0000-000000000000", 0)
    session = Session(key, "1.6", EPOCH, observations(words), run)
    with ExitStack() as stack:
        made = compose(session, Artifact(built, target, named), stack)
        write(session, made, stack, Silent())
    built.unlink()
    return target, public
