"""Every number that somebody gives has a lower and an upper limit, and work within them ends."""

import os
import time
from argparse import ArgumentTypeError
from math import inf, isfinite, nan
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from exposures.errors import GalprojectError
from galproject.configuration.descriptions import sections
from galproject.configuration.loading import PREFIX, load_options
from tests.effects.effect import settings_of, with_settings
from tests.effects.table import EFFECTS

OPTIONS = {option.name: option for section in sections() for option in section.options}
NUMBERS = {name: o for name, o in OPTIONS.items() if o.unit not in ("text", "true or false")}
# More of these is more work: rounds, parts, sides of stamps; fine steps and small parts.
MORE_WORK = (
    "changed_star.radius_fwhm",
    "matching.rounds",
    "reduction.sky.tiles_y",
    "reduction.sky.tiles_x",
    "reduction.sky.cut_rounds",
    "reduction.sky.max_steps",
    "reduction.sky.step_blocks",
    "reduction.psf.n_stars",
    "reduction.psf.max_steps",
    "reduction.psf.candidates_a_star",
    "reduction.reference_detection.min_iterations",
    "reduction.reference_detection.max_iterations",
    "reduction.reference_detection.n_sweeps",
    "reduction.reference_detection.min_half_pixels",
    "reduction.reference_detection.max_half_pixels",
    "reduction.catalogue_astrometry.search_pixels",
    "reduction.catalogue_astrometry.max_order",
    "reduction.catalogue_astrometry.n_clips",
    "reduction.forced.n_rounds",
    "reduction.forced.n_neighbours",
    "reduction.forced.max_half_pixels",
    "reduction.forced.min_half_fwhm",
    "reduction.residual.kernel_fwhm",
    "reduction.residual.fit_fwhm",
    "reduction.residual.wing_fwhm",
    "reduction.calibration.order",
    "reduction.calibration.n_clips",
    "selection.usual_bins",
    "pictures.degree",
    "pictures.n_clips",
)
LESS_IS_MORE_WORK = (
    "matching.rounds",
    "reduction.sky.bin_width",
    "reduction.sky.min_tile_side_pixels",
    "reduction.reference_detection.sky_box_pixels",
    "reduction.reference_detection.smooth_sky_fwhm",
    "reduction.reference_detection.wing_sigma",
    "reduction.forced.sky_pixels",
    "reduction.forced.wing_sigma",
    "periods.min_days",
)
LONGEST = 10.0  # seconds of the processor


@pytest.fixture(autouse=True)
def nothing_is_set(settings, monkeypatch):
    settings.GALPROJECT_OPTIONS = settings.GALPROJECT_CATALOGUE = ""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)


def limits(option):
    """The least and the most that an option may be."""
    interval = option.interval
    least = interval.ge if interval.ge is not None else interval.gt
    most = interval.le if interval.le is not None else interval.lt
    return least, most


def test_every_number_has_a_lower_and_an_upper_limit():
    assert len(NUMBERS) > 200
    without = [
        name
        for name, option in NUMBERS.items()
        if option.interval is None
        or not all(limit is not None and isfinite(limit) for limit in limits(option))
    ]
    assert without == []


@pytest.mark.parametrize("value", [10**9 * 10**9, -(10**18), 10**400, inf, -inf, nan])
def test_no_option_takes_a_number_out_of_all_proportion(value):
    """All at once, as every problem is told."""
    tree = {}
    for name in NUMBERS:
        *parents, last = name.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = value
    with pytest.raises(GalprojectError) as error:
        load_options(**tree)
    told = str(error.value)
    assert [name for name in NUMBERS if f" {name} = " not in told] == []
    assert max(map(len, told.splitlines())) < 250


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reduction.sky.cut_rounds", 10**9),
        ("reduction.sky.passes", 10**9),
        ("reduction.reference_detection.n_sweeps", 10**9),
        ("reduction.forced.n_rounds", 10**9),
        ("reduction.sky.bin_width", 1e-9),
        ("periods.min_days", 1e-9),
        ("reduction.residual.kernel_fwhm", 1e9),
    ],
)
def test_options_that_never_end_are_refused(name, value, monkeypatch):
    variable = PREFIX + name.upper().replace(".", "__")
    monkeypatch.setenv(variable, str(value))
    with pytest.raises(GalprojectError, match=rf"{variable}: {name} = .*at most"):
        load_options()


@pytest.mark.parametrize(
    ("name", "which"), [*((n, 1) for n in MORE_WORK), *((n, 0) for n in LESS_IS_MORE_WORK)]
)
def test_what_takes_most_work_ends(name, which):
    effect = EFFECTS[name]
    value = limits(OPTIONS[name])[which]
    options = with_settings(settings_of(name, effect, False) | {name: value})
    if _seconds(effect, options) >= LONGEST:
        # The first may have had to compile.
        assert _seconds(effect, options) < LONGEST


def _seconds(effect, options):
    begun = time.process_time()
    effect.result(options)
    return time.process_time() - begun


OUT_OF_PROPORTION = ("9" * 30, f"-{'9' * 30}", "1e300", "-1e300", "9" * 5000, "nan", "inf", "x", "")


def own_commands():
    ours = ("exposures", "photometry", "variables", "galproject")
    return sorted((name, app) for name, app in get_commands().items() if app in ours)


@pytest.mark.parametrize(("name", "app"), own_commands())
def test_no_argument_of_a_command_takes_a_number_out_of_all_proportion(name, app):
    parser = load_command_class(app, name).create_parser("manage.py", name)
    no_numbers = (None, str, Path)
    actions = parser._actions  # noqa: SLF001  argparse lists them nowhere else
    given = [a for a in actions if a.type not in no_numbers and a.dest != "verbosity"]
    for action in given:
        for text in OUT_OF_PROPORTION:
            with pytest.raises((ValueError, ArgumentTypeError)):
                taken = action.type(text)
                pytest.fail(f"{name} {action.dest}: {text[:20]!r} is taken as {taken!r:.40}")
