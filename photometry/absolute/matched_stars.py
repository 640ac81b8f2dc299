"""Published stars that are matched with sources of references, read for their zero points."""

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_out
from exposures.models import GalPublishedCatalogue
from photometry.absolute.bands import Band
from photometry.absolute.kept_rows import kept_rows
from photometry.models import GalReference
from photometry.science.absolute.neighbours import neighbour_share
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.absolute.stars import MatchedStars, quarters_of
from photometry.science.absolute.transformation import transformed
from photometry.science.matching.states import MatchState
from photometry.storage.reference_values import reference_values

SECOND_SHARE = 0.1  # probability of another star, from which a source may be several
# Of both catalogues, unflagged: what is saturated, in a wing or on bad pixels is no measure.
STARS = """
SELECT s.refsource_id, m.star_id, s.x, s.y, s.mag, s.mag_err, m.probability, {columns}
FROM galsources_{reference} s
JOIN galmatches m ON m.refsource_id = s.refsource_id AND m.catalogue_id = {published}
    AND m.rank = 1 AND m.state = {matched} AND m.probability >= {probability}
JOIN {partition} p ON p.id = m.star_id
WHERE s.is_reference AND s.flags = 0 AND s.mag_err BETWEEN 0 AND {error}
    AND NOT EXISTS (
        SELECT FROM galmatches o
        WHERE o.refsource_id = s.refsource_id AND o.catalogue_id = {published} AND o.rank = 2
            AND o.probability > {second}
    )
ORDER BY s.refsource_id
"""
AROUND = """
SELECT p.id, p.ra, p.dec, coalesce(p.mag, 'NaN'::real)
FROM {partition} p WHERE q3c_join({ra}, {dec}, p.ra, p.dec, {radius}) ORDER BY p.id
"""
AROUND_DTYPE = np.dtype([("id", "i8"), ("ra", "f8"), ("dec", "f8"), ("mag", "f4")])
DEFAULT_FWHM_ARCSEC = 1.0  # of images whose seeing is not known
PUBLISHED = ("published", "published_err", "blue", "blue_err", "red", "red_err")
DTYPE = np.dtype(
    [("refsource_id", "i8"), ("star_id", "i8")]
    + [(name, "f4") for name in ("x", "y", "mag", "mag_err", "probability", *PUBLISHED)]
)


def matched_stars(
    references: list[GalReference],
    published: GalPublishedCatalogue,
    band: Band,
    options: AbsoluteOptions,
) -> MatchedStars:
    """The MatchedStars of some references, numbered in their order; their images are read, too.

    Of a band with a transformation they are in the filter's own, without the stars of colours for
    which it doesn't hold.
    """
    rows = [read_stars(reference, published, band, options) for reference in references]
    shares = [
        _neighbours(reference.image, published, part["star_id"], options)
        for reference, part in zip(references, rows, strict=True)
    ]
    chip = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    stars = np.concatenate([np.zeros(0, DTYPE), *rows])
    values = reference_values(stars)
    matched = MatchedStars(
        chip=chip,
        star=stars["star_id"],
        mag=values.mag.astype(float),
        mag_err=values.mag_err.astype(float),
        published=stars["published"].astype(float),
        published_err=stars["published_err"].astype(float),
        colour=stars["blue"].astype(float) - stars["red"],
        colour_err=np.hypot(stars["blue_err"], stars["red_err"]).astype(float),
        part=quarters_of(chip, stars["x"], stars["y"]),
        probability=stars["probability"].astype(float),
        neighbours=np.concatenate([np.zeros(0), *shares]),
    )
    to_filter = band.transformation
    return transformed(matched, to_filter.coefficients, to_filter.range) if to_filter else matched


def read_stars(reference, published, band, options):
    """The stars of one reference, an array of DTYPE; none if it is gone, or the published ones."""
    columns = (*_columns(published, band.published), *_colour_columns(published, band))
    query = STARS.format(
        reference=reference.pk,
        published=published.pk,
        partition=published.partition,
        matched=int(MatchState.MATCHED),
        probability=float(options.min_probability),
        error=float(options.max_error),
        second=SECOND_SHARE,
        columns=", ".join(columns),
    )
    with transaction.atomic():
        there = kept_rows("galreferences", [reference.pk])
        if not (there and kept_rows("galpublishedcatalogues", [published.pk])):
            return np.zeros(0, DTYPE)
        return copy_out(query, DTYPE)


def _neighbours(image, published, star_ids, options):
    """(n,) light of the published neighbours of matched stars, as a share of their own."""
    if not len(star_ids):
        return np.zeros(0)
    radius = options.neighbour_fwhm * (image.fwhm_arcsec or DEFAULT_FWHM_ARCSEC)
    query = AROUND.format(
        partition=published.partition,
        ra=float(image.ra),
        dec=float(image.dec),
        radius=float(image.radius + radius / 3600),
    )
    around = copy_out(query, AROUND_DTYPE)
    share = neighbour_share(around["ra"], around["dec"], around["mag"].astype(float), radius)
    place = np.searchsorted(around["id"], star_ids)
    place[place == len(around)] = 0
    # A matched star that lies beyond the image's circle has moved there: nothing is known of it.
    return np.where(around["id"][place] == star_ids, share[place], 0)


def _colour_columns(published, band):
    """Expressions of both magnitudes of a colour, with their errors."""
    for name in band.colour or ("", ""):
        yield from _columns(published, name)


def _columns(published, name):
    """Expressions of a magnitude and its error, NaN where it is unknown."""
    for array in ("mags", "mag_errs"):
        value = f"p.{array}[{published.bands.index(name) + 1}]" if name else "NULL::real"
        yield f"coalesce({value}, 'NaN'::real)"
