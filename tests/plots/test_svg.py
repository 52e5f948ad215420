import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from gmmkit.model.mixture import Mixture
from gmmkit.plots import DARK, LIGHT, plot_classification, plot_density, to_svg

SVG = "{http://www.w3.org/2000/svg}"
MIXTURE = Mixture.from_arrays([0.4, 0.6], [[0.0, 0.0], [6.0, 2.0]], [1.0, 2.0], covariance_type="spherical")
ROWS = MIXTURE.sample(60, seed=3)[0]


def picture(**options):
    return plot_classification(MIXTURE, ROWS, **({"names": ["length (cm)", "width (cm)"]} | options)).figure


def test_same_picture_same_bytes():
    assert to_svg(picture()) == to_svg(picture())


def test_it_parses_and_says_what_it_is():
    root = ET.fromstring(to_svg(picture(), description="Two groups."))
    assert root.get("role") == "img"
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title.text == "Classification of 60 rows by 2 components"
    assert about.text == "Two groups."
    assert root.get("aria-labelledby").split() == [title.get("id"), about.get("id")]


def test_text_stays_text_in_the_readers_font():
    svg = to_svg(picture())
    root = ET.fromstring(svg)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"length (cm)", "width (cm)", "component (weight)"} <= set(texts)
    assert "system-ui" in svg
    assert svg.count("font-family") == 1


@pytest.mark.parametrize("name", ["<b>&", "price $ and $x_1$", 'a" style="fill: red" 1.23456', "温度", "line\nbreak"])
def test_any_name_of_a_column_is_safe(name):
    root = ET.fromstring(to_svg(picture(names=[name, "b"])))
    assert " ".join(name.split()) in [element.text for element in root.iter(f"{SVG}text")]
    assert not [element for element in root.iter() if element.tag.endswith("}b")]


def test_no_date_no_background_no_maker():
    svg = to_svg(picture())
    assert not re.search(r"<metadata|<!--|<\?xml|[Mm]atplotlib|\d{4}-\d\d-\d\d", svg)
    assert "fill: #ffffff; stroke: none" not in svg


def test_identifiers_are_unique_within_and_between_pictures():
    first, second = to_svg(picture()), to_svg(plot_density(MIXTURE, ROWS).figure)
    identifiers = re.findall(r' id="([^"]+)"', first + second)
    assert len(identifiers) == len(set(identifiers))
    referred = set(re.findall(r"url\(#([^)]+)\)", first)) | set(re.findall(r'href="#([^"]+)"', first))
    assert referred
    assert referred <= set(identifiers)


def test_every_point_is_drawn_once():
    svg = to_svg(picture())
    assert svg.count("<use ") >= len(ROWS)


def test_adaptive_turns_every_light_colour_on_dark_screens_only():
    svg = to_svg(picture(), adaptive=True)
    plain, dark = svg.split("@media screen and (prefers-color-scheme: dark){")
    assert LIGHT.ink in plain
    assert DARK.ink not in plain
    rules = dark[: dark.index("</style>")]
    for colour in (LIGHT.ink, LIGHT.muted, LIGHT.grid, *LIGHT.palette[:2]):
        assert colour not in rules
    assert DARK.palette[1] in rules
    assert "@media" not in to_svg(picture())


def test_many_rows_make_a_small_picture():
    rows = np.tile(ROWS, (1000, 1)) + np.random.default_rng(0).normal(size=(60_000, 2))
    assert len(to_svg(plot_classification(MIXTURE, rows).figure)) < 200_000
