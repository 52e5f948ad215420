"""The page as such: valid, self-contained, safe, small, the same each time, readable without seeing it."""

import re
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from page_reader import read
from report_cases import CASES, COMMAND, SCRIPT, case, fitted, page, tree

from gmmkit.data import as_table
from gmmkit.data.table import Table
from gmmkit.errors import DataError
from gmmkit.plots import THEMES
from gmmkit.report import render_report, write_report

EVERY = tuple(CASES)


@pytest.mark.parametrize("name", EVERY)
def test_is_well_formed(name):
    root = tree(name)
    html = next(root.all("html"))
    assert html.attributes["lang"] == "en"
    identifiers = [element.attributes["id"] for element in html.all() if "id" in element.attributes]
    assert len(set(identifiers)) == len(identifiers)
    for link in html.all("a"):
        assert link.attributes["href"].removeprefix("#") in identifiers
    for element in html.all():
        for other in (element.attributes.get("aria-labelledby") or "").split():
            assert other in identifiers


@pytest.mark.parametrize("name", EVERY)
def test_headings_and_tables_can_be_followed_without_seeing_them(name):
    root = tree(name)
    levels = [int(heading.name[1]) for heading in root.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in root.all("table"):
        assert [child.name for child in table.children] == ["caption", "thead", "tbody"]
        assert table.children[0].text
        assert all(head.attributes["scope"] in ("col", "row") for head in table.all("th"))
        widths = {len([c for c in row.children if c.name in ("th", "td")]) for row in table.all("tr")}
        assert len(widths) == 1
    pictures = [svg for svg in root.all("svg") if svg.attributes.get("aria-hidden") != "true"]
    assert pictures
    for svg in pictures:
        assert svg.attributes["role"] == "img"
        assert next(svg.all("title")).text
    for box in root.all("div"):
        if box.attributes.get("class") == "scroll":
            assert box.attributes["tabindex"] == "0"
            assert box.attributes["aria-label"]


@pytest.mark.parametrize("name", EVERY)
def test_nothing_comes_from_elsewhere_and_nothing_runs(name):
    for element in tree(name).all():
        assert element.name not in ("script", "link", "iframe", "object", "embed", "img", "base", "form")
        for key, value in element.attributes.items():
            assert not key.startswith("on")
            if key in ("src", "href", "xlink:href", "srcset", "action"):
                assert value.startswith("#")
            if not key.startswith("xmlns"):
                assert "http" not in value.replace("http-equiv", "")
            assert not re.search(r"url\((?!#)", value)
    for style in tree(name).all("style"):
        assert "@import" not in style.text
        assert "url(" not in style.text


@pytest.mark.parametrize("name", EVERY)
def test_small(name):
    assert len(page(name).encode()) < 1_500_000


@pytest.mark.parametrize("name", ["faithful", "labelled", "repaired"])
def test_the_same_each_time(name):
    given = case(name)
    assert render_report(given.record, table=given.table, command=COMMAND) == page(name)


def test_names_from_the_data_are_text():
    root = tree("repaired")
    assert not list(root.all("script"))
    assert SCRIPT in next(root.all("h1")).text
    assert SCRIPT in next(root.all("title")).text
    assert any(SCRIPT in cell.text for cell in root.all("th"))
    assert any(SCRIPT in code.text for code in root.all("code"))
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", page("repaired"))
    assert any(SCRIPT in cell.text for cell in tree("labelled").all("th"))


def test_provenance_settings_and_reasons_are_text():
    given = case("spurious and failed")
    keys = ("error", "spurious")
    rows = [{**row, **{key: row[key] and SCRIPT for key in keys}} for row in given.record.table]
    record = replace(
        given.record, table=rows, provenance={"source": SCRIPT, SCRIPT: SCRIPT, "command": SCRIPT},
        settings={"random_state": SCRIPT, SCRIPT: 1}, estimator=SCRIPT,
    )  # fmt: skip
    root = read(render_report(record, table=given.table, command=f"{SCRIPT} 2"))
    assert not list(root.all("script"))
    assert root.text.count(SCRIPT) >= 8


def test_written_whole(tmp_path):
    given = case("model only")
    path = tmp_path / "report.html"
    write_report(given.record, path)
    assert path.read_text(encoding="utf-8") == render_report(given.record)
    assert list(tmp_path.iterdir()) == [path]


def test_ten_million_rows():
    rows = np.random.default_rng(0).normal(size=(2**16, 2)) + np.arange(2**16)[:, None] % 2 * 9.0

    class Endless:
        n_rows, n_columns, dtype = 10_000_000, 2, np.dtype(np.float64)

        def read(self, start, stop):
            first = start % len(rows)
            return np.concatenate([rows[first:], rows])[: stop - start]

    record = fitted(as_table(rows, names=["x", "y"]), 2)
    text = render_report(record, table=Table(Endless(), ("x", "y"), origin="large.npy"))
    assert len(text.encode()) < 1_000_000
    assert "2 clusters in 10,000,000 rows" in text
    assert "a random 2,000 of 10,000,000 rows" in text.lower()


def test_rows_of_other_columns_are_refused():
    with pytest.raises(DataError, match="has 3 columns, but the model is of 2"):
        render_report(case("faithful").record, table=as_table(np.zeros((5, 3))))


def _luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    channels = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_tables_keep_to_the_page_and_boxes_show_that_they_scroll():
    style = files("gmmkit.report").joinpath("style.css").read_text(encoding="utf-8")
    rules = dict(re.findall(r"^([^{}@/]+)\{([^{}]*)\}", style[: style.index("@media (max-width")], flags=re.MULTILINE))
    assert "white-space:normal" in rules["thead th"]
    assert "width:max-content" not in rules["table"].split(";")
    # Names take the room that their words need, and stand beside the first of several lines.
    assert "overflow-wrap:anywhere" not in rules[".name"].split(";")
    assert all("vertical-align:top" in rules[name].split(";") for name in (".name", ".why"))
    # Covers that move with the content, over shades that stay.
    assert rules[".scroll"].count("local") == rules[".scroll"].count("var(--edge)") == 2
    # On a phone the words of a row stand below its other values.
    phone = style[style.index("@media screen and (max-width:37.5rem)") : style.index("@media print")]
    assert ":is(th,td):has(>.why){flex:1 0 100%}" in phone


@pytest.mark.parametrize("theme", THEMES)
def test_contrast_and_colours(theme):
    style = files("gmmkit.report").joinpath("style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root\{([^}]*)\}", style)
    assert len(blocks) == 2
    colours = dict(re.findall(r"--([\w-]+):(#\w+)", blocks[list(THEMES).index(theme)]))

    def contrast(one, other):
        high, low = sorted((_luminance(colours[one]), _luminance(colours[other])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for text in ("ink", "muted", "accent", "caution"):
        assert contrast(text, "surface") >= 4.5
    assert contrast("ink", "raised") >= 4.5
    for j, colour in enumerate(THEMES[theme].palette):
        assert colours[f"c{j}"] == colour
        assert contrast(f"c{j}", "surface") >= 3.0
    for name in ("ink", "muted", "accent"):
        assert colours[name] == getattr(THEMES[theme], name)
