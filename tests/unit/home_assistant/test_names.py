"""Ids that Home Assistant keeps for ever: different things have different ones, whatever they are called."""

import itertools
import re

import jinja2
import pytest

from edged.home_assistant.names import (
    component_id,
    device_id,
    slug,
    template_text,
    unique_entity_ids,
    unique_id,
)

ODD_TEXTS = (
    "person",
    "cell phone",
    "it's",
    'a "quoted" \\ name',
    "{{ 1 + 1 }} %} #}",
    "Fußgänger",
    "猫",
    "😀",
    "a/b",
    "a%2Fb",
    "%",
    "~",
    "line\nbreak",
    "\x00",
    " ",
)


def test_ids_of_the_first_release() -> None:
    path = ("camera", "front", "zone", "door", "count", "cell phone")
    assert component_id(path) == "camera/front/zone/door/count/cell%20phone"
    assert (
        unique_id("shop-12", component_id(path)) == "edged-shop-12/camera/front/zone/door/count/"
        "cell%20phone"
    )
    assert device_id("shop-12") == "edged-shop-12"


def test_different_paths_have_different_ids() -> None:
    parts = (*ODD_TEXTS, "count", "zone", "door", "Door", "a_b", "a-b")
    paths = [
        ("camera", *path)
        for length in (1, 2, 3)
        for path in itertools.product(parts, repeat=length)
    ]
    assert len({component_id(path) for path in paths}) == len(paths)


def test_different_devices_have_no_id_in_common() -> None:
    """No device's id ends where a component's begins."""
    assert unique_id("a", "b/model") != unique_id("a-b", "model")
    assert unique_id("a", "model").split("/")[0] == device_id("a")


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_an_id_has_no_space_and_no_wildcard(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.~%/-]+", component_id(("count", text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop-12 front occupancy", "shop_12_front_occupancy"),
        ("Fußgänger", "fuganger"),
        ("--A  b--", "a_b"),
        ("x" * 300, "x" * 200),
    ],
)
def test_slug(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_a_slug_is_never_empty() -> None:
    assert slug("猫") != slug("犬")
    assert re.fullmatch("[0-9a-f]{8}", slug("猫"))


def test_entity_ids_that_are_wanted_twice_are_told_apart() -> None:
    wanted = {"camera/a-b/motion": "x.a_b", "camera/a_b/motion": "x.a_b", "model": "x.model"}
    ids = unique_entity_ids(wanted)
    assert ids["model"] == "x.model"
    assert len(set(ids.values())) == len(ids)
    assert unique_entity_ids(dict(reversed(wanted.items()))) == ids


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_a_text_in_a_template_is_that_text(text: str) -> None:
    template = jinja2.Environment(autoescape=False).from_string(f"{{{{ {template_text(text)} }}}}")  # noqa: S701 (not HTML)
    assert template.render() == text
