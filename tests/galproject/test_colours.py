"""Colours of pages: told apart by day and by night, and by people who see two of them."""

import re
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

STATIC = Path(__file__).resolve().parents[2] / "static"
MARKS = ("--mark-1", "--mark-2", "--mark-3")
GROUNDS = ("--card", "--page")
LEVELS = tuple(f"--level-{n}" for n in range(1, 6))
# Of linear RGB: Machado, Oliveira & Fernandes 2009, IEEE TVCG 15, 1291, for a missing cone.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
HEX = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}\b")


def colours():
    """{name: #hex} by day and by night, of frame.css."""
    text = (STATIC / "frame.css").read_text()
    roots = re.findall(r":root \{(.*?)\}", text, re.S)
    assert len(roots) == 2
    day, night = ({**_named(one)} for one in roots)
    return {"day": day, "night": day | night}


def _named(root):
    return dict(re.findall(r"(--[\w-]+): (#\w+);", root))


def linear(hex):
    digits = hex[1:] if len(hex) == 7 else "".join(2 * digit for digit in hex[1:])
    value = np.array([int(digits[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.2: of relative luminances."""
    a, b = sorted(float(TO_XYZ[1] @ linear(hex)) for hex in (one, other))
    return (b + 0.05) / (a + 0.05)


def lab(rgb):
    ratio = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("time", ["day", "night"])
def test_marks_stand_out_from_what_is_below_them(time):
    named = colours()[time]
    found = {pair: contrast(*(named[name] for name in pair)) for pair in product(MARKS, GROUNDS)}
    assert min(found.values()) >= 3, found


@pytest.mark.parametrize("time", ["day", "night"])
def test_words_can_be_read(time):
    named = colours()[time]
    words = ("--text", "--faint", "--accent", "--mark", "--failed", "--left")
    found = {pair: contrast(*(named[name] for name in pair)) for pair in product(words, GROUNDS)}
    assert min(found.values()) >= 4.5, found


@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all", "no M", "no L"])
def test_marks_are_told_apart_by_people_who_see_two_colours(seen):
    named = colours()["day"]
    for one, other in combinations(MARKS, 2):
        apart = [lab(seen @ linear(named[name])) for name in (one, other)]
        assert np.linalg.norm(apart[0] - apart[1]) > 25, (one, other)  # some ten just differ


@pytest.mark.parametrize("time", ["day", "night"])
def test_levels_go_from_one_end_to_the_other(time):
    named = colours()[time]
    light = [lab(linear(named[name]))[0] for name in LEVELS]
    steps = np.diff(light if time == "night" else light[::-1])
    assert np.all(steps > 4), light


def test_scripts_take_colours_from_the_styles():
    named = {
        path.name: found
        for path in STATIC.glob("*.js")
        if (found := HEX.findall(re.sub(r'"#[a-z-]+"', "", path.read_text())))
    }
    assert named == {}
