"""The page's head and its first section: what this is, whose, and how it stands with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from bom.report.foreign import as_list, as_object, as_objects, as_text
from bom.report.html.element import Html, element, joined
from bom.report.html.frame import section
from bom.report.html.nodes import cut
from bom.report.html.tables import bullets, code, folded, pairs, pill, plural
from bom.report.text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.model import Verdict
    from bom.report.contents import Contents

_LISTED: Final = 20  # findings that are open
Mood = Literal["", "good", "warn", "bad"]
# (place on the page, label, what the number is, mood)
Tile = tuple[str, str, str, Mood]


def title(found: Contents) -> str:
    """What the artifact is called, in one line."""
    name = cut(found.subject.full_name, 200) or found.file or "artifact"
    return f"{name} {cut(found.subject.version, 100)}".rstrip()


def header(found: Contents, verdict: Verdict | None) -> list[str]:
    kind = found.kind.replace("-", " ") or "artifact"
    name = cut(found.subject.full_name, 200) or found.file or "artifact"
    version = cut(found.subject.version, 100)
    heading = element(
        "h1", name, element("span", f" {version}", class_="version") if version else None
    )
    return [
        element("p", f"Bill of materials · {kind}", class_="eyebrow"),
        heading,
        _standing(found, verdict),
    ]


def overview(found: Contents, tiles: Sequence[Tile]) -> Html:
    return section(
        "overview",
        "Overview",
        element("ul", *(_tile(*tile) for tile in tiles), class_="tiles"),
        pairs(_facts(found)),
        *_changed(found),
        *_findings(found),
    )


def _tile(place: str, label: str, number: str, mood: Mood) -> Html:
    inside = joined((element("b", number), label))
    return element("li", element("a", inside, href=f"#{place}"), class_=mood)


def _standing(found: Contents, verdict: Verdict | None) -> Html:
    """Whether it was verified. A page that isn't about a verdict says that nothing was checked."""
    if verdict is None:
        told = (
            f"It is signed by the key {found.signature[1] or 'without a name'}. "
            if found.signature is not None
            else "It is not signed. "
        )
        return element(
            "div",
            element(
                "p",
                element("strong", "Not verified here. "),
                told,
                "This page shows what the document says; ",
                element("code", "bom verify"),
                " checks it against the artifact.",
            ),
            class_="banner" if found.signature is not None else "banner warn",
        )
    names = ", ".join(verdict.trusted)
    if verdict.good:
        return element(
            "div",
            element("p", element("strong", "Verified. "), f"Signed by {names}."),
            *_notes(verdict),
            class_="banner good",
        )
    texts = [
        f"{item.code}: {item.message}" + (f" ({item.where})" if item.where else "")
        for item in verdict.findings
    ]
    count = plural(len(texts), "finding")
    return element(
        "div",
        element("p", element("strong", f"Verification failed: {count}.")),
        bullets(texts),
        *_notes(verdict),
        class_="banner bad",
    )


def _notes(verdict: Verdict) -> Iterator[Html]:
    if verdict.rebuilt_by:
        yield element("p", f"Built again by {', '.join(verdict.rebuilt_by)}.")
    for note in verdict.warnings:
        yield element("p", f"Note: {note}")


def _facts(found: Contents) -> Iterator[tuple[str, str | None]]:
    subject, source, document = found.subject, found.source, found.document
    metadata = as_object(document.get("metadata"))
    yield "file", code(found.file)
    yield "tags", code(", ".join(found.tags))
    yield "platform", ", ".join(subject.facts.get("bom-seal:image:platform", ()))
    yield "size", f"{size_text(found.size)} ({found.size:,} bytes)" if found.size >= 0 else ""
    yield "as built", code(f"sha256:{found.sha256}" if found.sha256 else "")
    for name in ("config", "index", "manifest"):
        for value in subject.facts.get(f"bom-seal:image:{name}", ()):
            yield name, code(value)
    yield "normalised", ", ".join(subject.facts.get("bom-seal:normalised", ()))
    yield "licence", ", ".join(subject.licences)
    yield "description", cut(" ".join(subject.description.split()))
    yield "purl", code(subject.purl)
    yield "revision", _revision(found)
    yield "remote", source.remote
    yield "commit signed by", source.signer
    yield "tree digest", code(f"sha256:{source.tree_digest}" if source.tree_digest else "")
    if found.signature is not None:
        algorithm, key = found.signature
        yield "signature", joined((f"{algorithm} by key ", code(key) or "without a name"))
    else:
        yield "signature", pill("none", "warn")
    yield "time", as_text(metadata.get("timestamp"))
    yield "made by", ", ".join(_makers(metadata))
    version = as_text(document.get("specVersion"))
    yield "document", f"CycloneDX {version} {as_text(document.get('serialNumber'))}".rstrip()


def _revision(found: Contents) -> Html:
    source = found.source
    if not source.commit:
        return pill("unknown", "warn")
    mood: Mood = "good" if source.state == "clean" else "warn"
    state = pill(source.state, mood) if source.state else None
    return joined((code(source.commit), " ", state))


def _makers(metadata: dict[str, object]) -> Iterator[str]:
    """The tools that made the document: since CycloneDX 1.5 components, before a list."""
    stated = metadata.get("tools")
    parts = as_objects(as_object(stated).get("components")) or as_objects(as_list(stated))
    for part in parts[:20]:
        words = (as_text(part.get("name")), as_text(part.get("version")))
        if told := " ".join(filter(None, words)):
            yield cut(told, 200)


def _changed(found: Contents) -> Iterator[Html]:
    if found.source.changed:
        count = plural(len(found.source.changed), "file")
        yield folded(
            f"{count} differed from that revision when it was built",
            bullets(f"{kind} {path}" for kind, path in found.source.changed),
        )
    if found.source.submodules:
        yield folded(
            plural(len(found.source.submodules), "submodule"), bullets(found.source.submodules)
        )


def _findings(found: Contents) -> Iterator[Html]:
    if found.findings:
        count = plural(len(found.findings), "thing")
        yield element("h3", f"Found wrong when it was made: {count}", id="findings")
        first, more = found.findings[:_LISTED], found.findings[_LISTED:]
        rest = folded(f"{len(more):,} more", bullets(more)) if more else None
        yield element("div", bullets(first), rest, class_="banner bad")
