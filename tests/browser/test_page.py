"""The HTML page in a real browser: it loads nothing, it can be used by keyboard, it is readable for
everybody, and it bears ten thousand components."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.hostile_words import ACTIVE, WORDS, document

from bom.report.html import page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.devtools import Browser

MANY: Final = 10_000
# What axe finds, the most serious first; an empty list is what we want.
AXE: Final = """axe.run(document, {resultTypes: ["violations"]}).then((found) =>
  found.violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html.slice(0, 200)}`))"""


def component(number: int) -> dict[str, Any]:
    ref = f"pkg:npm/package-{number}@1.{number % 7}.0"
    return {
        "type": "library",
        "bom-ref": ref,
        "purl": ref,
        "name": f"package-{number}",
        "version": f"1.{number % 7}.0",
        "licenses": [{"license": {"id": ("MIT", "Apache-2.0", "ISC")[number % 3]}}],
    }


def large(count: int) -> dict[str, Any]:
    """A graph in which each needs two others; every tenth component has a gap."""
    parts = [component(number) for number in range(count)]
    refs = [part["bom-ref"] for part in parts]
    edges = [{"ref": "subject", "dependsOn": refs[:40]}]
    for number, ref in enumerate(refs):
        below = [at for at in (2 * number + 40, 2 * number + 41) if at < count]
        edges.append({"ref": ref, "dependsOn": [refs[at] for at in below]})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": "subject", "type": "application", "name": "app"}},
        "components": parts,
        "dependencies": edges,
        "vulnerabilities": [
            {"id": "CVE-1", "ratings": [{"severity": "high"}], "affects": [{"ref": refs[3]}]}
        ],
        "annotations": [
            {"bom-ref": f"gap:{ref}", "subjects": [ref], "text": f"dependency.hash: {ref}: none"}
            for ref in refs[::10]
        ],
    }


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    written = {"large": page(large(MANY)), "hostile": page(document()), "small": page(large(60))}
    places = {}
    for name, text in written.items():
        places[name] = folder / f"{name}.html"
        places[name].write_text(text, encoding="utf-8")
    return places


@pytest.fixture
def screen(browser: Browser) -> Iterator[Browser]:
    browser.prefer("light")
    browser.size(1280, 900)
    yield browser
    browser.ask("Emulation.setScriptExecutionDisabled", value=False)


def quiet(browser: Browser, page: Path) -> bool:
    """Nothing was asked for but the page, and nothing was complained about."""
    return (browser.requests, browser.complaints) == ([page.as_uri()], [])


def texts(browser: Browser, selector: str) -> list[str]:
    found = browser.value(
        f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText.trim())"
    )
    assert isinstance(found, list)
    return found


def rows(browser: Browser, table: str) -> list[str]:
    return texts(browser, f"[data-of={table}] tbody th")


def tab_to(browser: Browser, expression: str) -> None:
    """Presses Tab until the condition on `at`, the element with the focus, holds."""
    for _ in range(200):
        browser.press("Tab")
        if browser.value(f"((at) => {expression})(document.activeElement)"):
            return
    raise AssertionError(f"no Tab leads to {expression}")


@pytest.mark.parametrize("name", ["small", "large", "hostile"])
def test_nothing_is_loaded_and_nothing_goes_wrong(
    screen: Browser, pages: dict[str, Path], name: str
) -> None:
    screen.open(pages[name])
    assert quiet(screen, pages[name])


@pytest.mark.parametrize(
    ("name", "scheme"), [("small", "light"), ("small", "dark"), ("hostile", "light")]
)
def test_axe_finds_no_fault(
    screen: Browser, pages: dict[str, Path], axe: str, name: str, scheme: str
) -> None:
    screen.prefer(scheme)
    screen.open(pages[name])
    screen.value("parts.get('graph').go(5)")
    screen.value(f"{axe};0")
    assert screen.value(AXE) == []


def test_hostile_words_are_text_everywhere(screen: Browser, pages: dict[str, Path]) -> None:
    screen.open(pages["hostile"])
    # everything that the script makes only on demand
    count = screen.value("graph.names.length")
    screen.value("dispatchEvent(new Event('beforeprint'))")
    for node in range(min(count, len(WORDS) + 1)):
        screen.value(f"parts.get('graph').go({node})")
    screen.value(
        "for (const word of graph.names) { const finder = parts.get('graph').finder;"
        " finder.input.value = word; finder.look(); }"
    )
    assert (
        screen.value("document.querySelectorAll('img,iframe,object,embed,form,link').length") == 0
    )
    assert screen.value("document.querySelectorAll('body script:not([type])').length") == 1
    handlers = "[...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames())"
    assert screen.value(f"{handlers}.filter((name) => name.startsWith('on')).length") == 0
    away = "[...document.querySelectorAll('[href]')].map((one) => one.getAttribute('href'))"
    assert screen.value(f"{away}.filter((to) => !to.startsWith('#')).length") == 0
    words = screen.value("document.body.innerText")
    assert "<img src=x onerror=alert(1)>" in words
    assert not ACTIVE.search(words.replace("\n", "").replace("\t", ""))
    assert quiet(screen, pages["hostile"])


def test_the_policy_stops_what_a_mistake_would_let_in(
    screen: Browser, pages: dict[str, Path]
) -> None:
    """Were a word to become HTML after all, it could still not run, style or load anything."""
    screen.open(pages["small"])
    with pytest.raises(RuntimeError, match="TrustedHTML"):
        screen.value("document.body.innerHTML = '<b>x</b>'")
    screen.value(
        "window.ran = false; const s = document.createElement('style');"
        " s.append('body { display: none }'); document.body.append(s);"
        " const i = document.createElement('img'); i.src = 'https://example.org/x';"
        " document.body.append(i); const b = document.createElement('b');"
        " b.setAttribute('style', 'color: red'); document.body.append(b); 0"
    )
    with pytest.raises(RuntimeError, match="Trusted"):
        screen.value("document.createElement('p').setAttribute('onclick', 'ran = true')")
    with pytest.raises(RuntimeError, match="Trusted"):
        screen.value("document.createElement('script').text = 'ran = true'")
    assert screen.value("getComputedStyle(document.body).display") != "none"
    assert screen.value("window.ran") is False
    screen.until("document.images[0].complete")
    assert screen.requests == [pages["small"].as_uri()]
    told = " ".join(screen.complaints)
    assert "Loading the image 'https://example.org/x' violates" in told
    assert "Applying inline style violates" in told


def test_search_filter_and_sort_work_by_keyboard(screen: Browser, pages: dict[str, Path]) -> None:
    screen.open(pages["large"])
    table = "components-table"
    tab_to(screen, f"at.type === 'search' && at.closest('[data-of={table}]') !== null")
    screen.press(*"package-77")
    status = f"document.querySelector('[data-of={table}] [role=status]').textContent"
    screen.until(f"{status} === '111 of 10,000 rows'")
    assert len(rows(screen, table)) == 25
    # the select of licences: all, Apache-2.0, ISC, MIT
    tab_to(screen, "at.tagName === 'SELECT' && at.labels[0].innerText.startsWith('Licence')")
    screen.press("ArrowDown", "ArrowDown")
    screen.until(f"{status} === '39 of 10,000 rows'")
    tab_to(screen, "at.tagName === 'BUTTON' && at.textContent === 'Component'")
    screen.press("Enter")
    first = rows(screen, table)[0]
    assert screen.value("document.activeElement.closest('th').ariaSort") == "ascending"
    screen.press("Enter")
    assert screen.value("document.activeElement.closest('th').ariaSort") == "descending"
    assert rows(screen, table)[0] > first == "package-77 1.0.0"
    tab_to(screen, "at.textContent === 'Next'")
    screen.press("Enter")
    assert len(rows(screen, table)) == 14
    assert rows(screen, table)[-1] == first
    assert screen.value("document.activeElement.textContent") == "Next"
    assert quiet(screen, pages["large"])


def test_a_component_is_found_in_the_graph_by_keyboard_and_its_neighbours_are_buttons(
    screen: Browser, pages: dict[str, Path]
) -> None:
    screen.open(pages["large"])
    tab_to(screen, "at.getAttribute('role') === 'combobox'")
    screen.press(*"package-1500", "ArrowDown", "ArrowUp", "Enter")
    assert screen.value("document.activeElement.innerText") == "package-1500 1.2.0"
    assert texts(screen, "#graph-view [data-level=needs1] li") == [
        "package-3040 1.2.0",
        "package-3041 1.3.0",
    ]
    assert texts(screen, "#graph-view [data-level=by1] li") == ["package-730 1.2.0"]
    assert screen.value("document.querySelectorAll('#graph-view path').length") == 3
    told = texts(screen, "#graph-view [role=status]")
    assert told == ["package-1500 1.2.0 needs 2 components and is needed by 1 component."]
    trail = texts(screen, "#graph-view .trail li")
    assert (trail[0], trail[-2:]) == ("app", ["package-730 1.2.0", "package-1500 1.2.0"])
    tab_to(screen, "at.innerText === 'package-3041 1.3.0'")
    screen.press("Enter")
    assert texts(screen, "#graph-view [data-level=by1] li") == ["package-1500 1.2.0"]


def test_the_map_has_a_dot_for_each_component_and_a_click_puts_it_into_the_middle(
    screen: Browser, pages: dict[str, Path]
) -> None:
    screen.open(pages["large"])
    screen.until("parts.get('graph').map.places !== undefined")
    assert screen.value("parts.get('graph').map.places.filter(Boolean).length") == MANY + 1
    label = screen.value("document.querySelector('.map').getAttribute('aria-label')")
    begins = "Map of the graph, by distance from the artifact: 40 at 1 step, 80 at 2 steps, "
    assert label.startswith(begins)
    screen.value("document.querySelector('.map').scrollIntoView({behavior: 'instant'})")
    x, y = screen.value(
        "(() => { const {left, top} = document.querySelector('.map').getBoundingClientRect();"
        " const [x, y] = parts.get('graph').map.places[1501]; return [left + x, top + y]; })()"
    )
    screen.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    told = "document.querySelector('.map + .status').textContent"
    screen.until(f"{told} === 'package-1500 1.2.0'")
    for kind in ("mousePressed", "mouseReleased"):
        screen.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    assert screen.value("document.activeElement.innerText") == "package-1500 1.2.0"
    assert quiet(screen, pages["large"])


def test_a_row_leads_to_the_graph_and_a_licence_to_its_components(
    screen: Browser, pages: dict[str, Path]
) -> None:
    screen.open(pages["small"])
    screen.value("document.querySelector('[data-of=vulnerabilities-table] td .link').click()")
    told = screen.value("document.activeElement.textContent")
    assert told == "package-3 1.3.0, has known vulnerabilities"
    assert screen.value("document.activeElement.className") == "node here flagged"
    screen.value(
        "[...document.querySelectorAll('[data-of=licences-table] .link')]"
        ".find((one) => one.textContent === 'ISC').click()"
    )
    shown = rows(screen, "components-table")
    assert shown == [f"package-{n} 1.{n % 7}.0" for n in range(2, 60, 3)]


def test_ten_thousand_components_are_shown_a_page_at_a_time(
    screen: Browser, pages: dict[str, Path]
) -> None:
    screen.open(pages["large"])
    assert screen.value("document.querySelectorAll('*').length") < 2000
    screen.value("parts.get('graph').go(0)")
    assert len(texts(screen, "#graph-view [data-level=needs1] li")) == 13
    screen.value("document.querySelector('#graph-view .more').click()")
    assert len(texts(screen, "#graph-view [data-level=needs1] li")) == 40
    assert screen.value("document.activeElement.innerText") == "package-12 1.5.0"


def test_all_rows_are_printed_and_afterwards_the_page_is_as_before(
    screen: Browser, pages: dict[str, Path]
) -> None:
    screen.open(pages["small"])
    screen.value(
        "addEventListener('beforeprint', () => { window.printed ="
        " document.querySelectorAll('[data-of=components-table] tbody tr').length; });0"
    )
    assert screen.ask("Page.printToPDF")["data"]
    assert screen.value("printed") == 60
    assert len(rows(screen, "components-table")) == 25


def test_without_the_script_everything_can_be_read(screen: Browser, pages: dict[str, Path]) -> None:
    screen.ask("Emulation.setScriptExecutionDisabled", value=True)
    screen.open(pages["small"])
    # evaluation runs nothing now: the page's tree is asked instead
    tree = screen.ask("DOM.getDocument", depth=-1)["root"]["nodeId"]
    held = screen.ask("DOM.querySelectorAll", nodeId=tree, selector="noscript tbody th")
    assert len(held["nodeIds"]) >= 60
    words = screen.ask("DOM.getOuterHTML", nodeId=tree)["outerHTML"]
    assert "package-59 1.3.0" in words
    assert "package-0 1.0.0 needs package-40 1.5.0, package-41 1.6.0" in words


def test_on_a_narrow_screen_the_page_does_not_move_sideways(
    screen: Browser, pages: dict[str, Path]
) -> None:
    """WCAG 2.2, 1.4.10: at 320 pixels only tables scroll, inside of their boxes."""
    screen.size(320, 800)
    for name in ("small", "hostile"):
        screen.open(pages[name])
        assert screen.value("document.documentElement.scrollWidth") == 320
