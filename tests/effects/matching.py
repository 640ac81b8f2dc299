"""Results of matching stars: with a catalogue, a reference, or those in another filter."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from exposures.science.astrometry import fit_pixel_correction
from exposures.science.registration import StarList, agreement, register
from tests.builders.star_field import Band, crossmatch, make_stars, observe
from tests.exposures.test_catalogues import table, write_table


@cache
def _folder():
    return Path(mkdtemp(prefix="galproject-effects-"))


def catalogue(options):
    """What is read from a catalogue near the edge of a cone, of stars that move and scatter."""
    opened = replace(options, catalogue=catalogue_file()).opened_catalogue()
    found = opened.on_disk.stars(10.0, 5.0, 0.1, 57388.5, "r")
    return [getattr(found, name) for name in ("ra", "dec", "ra_error", "magnitudes")]


@cache
def catalogue_file():
    rng = np.random.default_rng(3)
    ra, dec = 10 + rng.uniform(-0.11, 0.11, 300), 5 + rng.uniform(-0.11, 0.11, 300)
    # Some that come into the cone from the west: 3.6 arcsec outside, and they go 6 arcsec.
    ra[:20], dec[:20] = 10 - 0.101 / np.cos(np.radians(5)), 5.0
    columns = table(
        ra,
        dec,
        astrometric_excess_noise=rng.uniform(0, 6, 300),
        astrometric_excess_noise_sig=rng.uniform(0, 5, 300),
        pmra=np.where(rng.random(300) < 0.7, 300.0, np.nan),
        ref_epoch=np.where(rng.random(300) < 0.7, 1995.0, np.nan),
    )
    return str(write_table(_folder() / "catalogue.fits", columns))


def _matched(n, seed):
    """Stars on two images, a distorted shift apart, with some that are on one alone."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 400, (2, n))
    dx = 15 + 3e-3 * (x - 200) + 2e-5 * (y - 200) ** 2 + 1e-7 * (x - 200) ** 3
    x0, y0 = x + dx + rng.normal(0, 0.3, n), y - 9 + rng.normal(0, 0.3, n)
    x0[::9] += rng.uniform(-1.9, 1.9, len(x0[::9]))
    others = rng.uniform(0, 400, (2, n // 3))
    return x, y, np.append(x0, others[0]), np.append(y0, others[1])


def catalogue_match(options):
    """An image's stars matched with those of a catalogue."""
    fit = fit_pixel_correction(
        *_matched(150, 2), (400, 400), options.reduction.catalogue_astrometry
    )
    return fit.as_json()


def few_catalogue_matches(options):
    """The same of a dozen stars."""
    fit = fit_pixel_correction(*_matched(12, 2), (400, 400), options.reduction.catalogue_astrometry)
    return fit.as_json()


def registration(options):
    fit = fit_pixel_correction(*_matched(150, 2), (400, 400), options.reduction.registration)
    return fit.as_json()


def few_registered(options):
    fit = fit_pixel_correction(*_matched(12, 2), (400, 400), options.reduction.registration)
    return fit.as_json()


def _registered(fit, dx, degrees):
    """An image's stars registered to those of a list from which they are far off, or turned."""
    rng = np.random.default_rng(4)
    n, side = 150, 400
    x, y = rng.uniform(0, side, (2, n))
    mag = rng.uniform(15, 20, n)
    angle = np.radians(degrees)
    x0 = x * np.cos(angle) - y * np.sin(angle) + dx + rng.normal(0, 0.05, n)
    y0 = x * np.sin(angle) + y * np.cos(angle) + rng.normal(0, 0.05, n)
    measured = mag + rng.normal(0, 0.1, n)
    measured[::9] += 5.0
    ours = StarList(x, y, mag, np.ones(n, bool))
    theirs = StarList(x0, y0, measured, np.ones(n, bool))
    usable = np.ones((side, side), bool)

    def agreement_of(correction):
        return agreement(ours.moved(correction), theirs, usable, fit)

    near = fit_pixel_correction(x, y, x0, y0, (side, side), fit)
    correction, agreed = register(near, ours, theirs, fit.search_arcsec / 0.5, agreement_of, fit)
    return correction.as_json(), agreed


def far_from_the_catalogue(options):
    return _registered(options.reduction.catalogue_astrometry, 80.0, 0.0)


def far_from_the_reference(options):
    return _registered(options.reduction.registration, 80.0, 0.0)


def turned_to_the_catalogue(options):
    return _registered(options.reduction.catalogue_astrometry, 40.0, 3.5)


def turned_to_the_reference(options):
    return _registered(options.reduction.registration, 40.0, 3.5)


@cache
def _two_bands():
    rng = np.random.default_rng(12)
    stars = make_stars(40_000, (60.0, 60.0), rng)
    bands = Band("i", fwhm=0.9, limit=22.5), Band("g", fwhm=1.4, limit=22.8, colour=(1.0, 0.4))
    return [observe(stars, band, rng) for band in bands]


def crossmatched(options):
    """The sources of two crowded images, as objects."""
    groups = crossmatch(*_two_bands(), options.crossmatch)
    return groups.label, groups.is_blend, groups.is_doubtful
