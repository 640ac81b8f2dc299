"""Results of matching sources with published stars."""

from dataclasses import replace
from functools import cache

import numpy as np

from photometry.absolute.calibrating import calibrate_field
from tests.builders.published_fields import (
    GAIA,
    Faults,
    image_of,
    matched,
    old_variables,
    published_by,
)
from tests.builders.star_field import make_stars
from tests.photometry.test_calibrate_references import Field


@cache
def _published_stars():
    rng = np.random.default_rng(13)
    stars = make_stars(60_000, (110.0, 110.0), rng)
    found, sources = image_of(stars, rng)
    shallow = replace(GAIA, limit=21.0)
    unsure = Faults(errors=1.5, far=0.1)
    return sources, published_by(stars, shallow, rng, unsure), old_variables(found, 8, rng)


def _matched(sources, published, options, is_complete=True):
    matches = matched(sources, published, options, is_complete)
    return matches.star, matches.probability, matches.state, matches.n_possible


def matched_with_published(options):
    """The published stars that sources of a crowded image are."""
    sources, published, _ = _published_stars()
    return _matched(sources, published, options.matching)


def matched_with_variables(options):
    """The stars of an old catalogue of variables that sources of the same image are."""
    sources, _, variables = _published_stars()
    return _matched(sources, variables, options.matching, False)


def zero_points(options):
    """The zero points of two references whose stars have neighbours."""
    return [one.zero_points for one in calibrate_field(Field().images, options.absolute)]
