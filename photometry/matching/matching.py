"""Sources of a reference catalogue matched with a published catalogue, from table to table."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
from django.db import transaction

from exposures.locks import Claimed, claim
from exposures.models import GalPublishedCatalogue
from exposures.published.coverage import is_covered
from exposures.published.stars import PublishedStars as StoredStars
from exposures.published.stars import published_stars_on
from exposures.published_catalogues import PublishedKind
from exposures.science.footprints import fault_of
from exposures.science.motion import years_after
from photometry.matching.storage import delete_runs, lock_published, replace_matches
from photometry.models import GalMatchRun, GalReference
from photometry.science.crossmatch.matching import position_error
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.science.matching.catalogues import ImageSources, PublishedStars
from photometry.science.matching.decisions import Coverage, decide, faintest_magnitude
from photometry.science.matching.matching import Probabilities, match_probabilities
from photometry.science.matching.options import MatchingOptions
from photometry.storage.reference_values import reference_values
from photometry.storage.storage import catalogue_sources, lock_against_drop

VERSION = 1  # of the numbers; with another than now all are matched anew
DEFAULT_FWHM_ARCSEC = 1.0  # of images whose seeing is not known
ANY_MAG = -99.0  # brighter than anything: covered wherever the depth is known
COMPLETE = (PublishedKind.ASTROMETRIC, PublishedKind.PHOTOMETRIC)  # kinds that list all stars


def unmatched(
    reference: GalReference,
    options: MatchingOptions = MatchingOptions(),
    blending: CrossMatchOptions = CrossMatchOptions(),
    names: Iterable[str] | None = None,
) -> list[GalPublishedCatalogue]:
    """Published catalogues in use, or some of them, with which a reference is to be matched.

    It never was, or not with them as they are now, or with other options.
    """
    published = GalPublishedCatalogue.objects.in_use().order_by("name")
    if names is not None:
        published = published.filter(name__in=list(names))
    runs = GalMatchRun.objects.filter(reference=reference)
    stored = set(runs.values_list("published_id", "digest"))
    return [one for one in published if (one.pk, _digest(one, options, blending)) not in stored]


def match_reference(
    reference: GalReference,
    options: MatchingOptions = MatchingOptions(),
    blending: CrossMatchOptions = CrossMatchOptions(),
    names: Iterable[str] | None = None,
    again: bool = False,
) -> list[GalMatchRun]:
    """Match all sources of a reference with published catalogues that it isn't matched with yet.

    Or with all in use, or those of some ``names``, ``again``; what they are takes the place of what
    was stored. Nothing is done where another process is at it, or the image has no place on the
    sky.
    """
    done: list[GalMatchRun] = []
    with claim(Claimed.MATCHES, reference.pk) as is_claimed:
        if not is_claimed or fault_of(reference.image.footprint):
            return done
        if again:
            delete_runs(reference, names)
        # Whoever loaded a catalogue meanwhile found the claim taken.
        while left := unmatched(reference, options, blending, names):
            runs = [_match(reference, published, options, blending) for published in left]
            done += [run for run in runs if run is not None]
            if not all(runs):  # one of both is gone
                break
    return done


def _match(
    reference: GalReference,
    published: GalPublishedCatalogue,
    options: MatchingOptions,
    blending: CrossMatchOptions,
) -> GalMatchRun | None:
    """Match with one catalogue, and store it; None where one of both is gone."""
    run = GalMatchRun(
        reference=reference, published=published, digest=_digest(published, options, blending)
    )
    with transaction.atomic():  # so that both partitions stay in their places while they are read
        if not lock_against_drop(reference) or not lock_published(published):
            return None
        rows = catalogue_sources(reference)
        stars = _stars_on(reference, published, options.max_radius_arcsec)
    sources = _sources(rows, reference)
    found = match_probabilities(sources, _as_matched(stars), options, blending)
    coverage = _coverage(published, sources, found)
    matches = decide(found, sources, coverage, options)
    run.n_stars = len(stars)
    _describe(run, found)
    return replace_matches(run, rows["refsource_id"], stars.id, matches)


def _stars_on(
    reference: GalReference, published: GalPublishedCatalogue, margin_arcsec: float
) -> StoredStars:
    """Published stars on the image and round it, where they are at its epoch."""
    epoch = float(years_after(0.0, reference.mjd))
    return published_stars_on(published, reference.image.footprint, epoch, margin_arcsec)


def _sources(rows: np.ndarray, reference: GalReference) -> ImageSources:
    values = reference_values(rows)
    fwhm = reference.image.fwhm_arcsec or DEFAULT_FWHM_ARCSEC
    error = position_error(rows["flux"], rows["flux_err"], fwhm, fwhm)
    mag, mag_err = (np.asarray(a, float) for a in (values.mag, values.mag_err))
    return ImageSources(rows["ra"], rows["dec"], error, mag, mag_err, np.zeros(len(rows)), fwhm)


def _as_matched(stars: StoredStars) -> PublishedStars:
    """Stars as the matcher has them; the difference of the last two bands is their colour."""
    colour = np.full(len(stars), np.nan)
    if stars.mags.shape[1] > 1:
        colour = stars.mags[:, -2] - stars.mags[:, -1]
    return PublishedStars(
        stars.ra,
        stars.dec,
        stars.ra_err / 1000,
        stars.dec_err / 1000,
        stars.mag,
        stars.mag_err,
        stars.amplitude,
        colour,
    )


def _coverage(
    published: GalPublishedCatalogue, sources: ImageSources, found: Probabilities
) -> Coverage:
    faintest = faintest_magnitude(sources.mag, found.magnitudes)
    at = (published, sources.ra, sources.dec)
    return Coverage(
        is_inside=is_covered(*at),
        is_deep=is_covered(*at, faintest),
        is_depth_known=is_covered(*at, np.full(len(sources), ANY_MAG)),
        is_complete=published.kind in COMPLETE,
    )


def _describe(run: GalMatchRun, found: Probabilities) -> None:
    """Enter what was learnt of both catalogues."""
    run.east, run.north = found.positions.frame[0].tolist()
    run.position_scale = float(np.median(found.positions.scale))
    run.mag_offset = float(np.median(found.magnitudes.offset))
    run.mag_scatter = float(np.median(found.magnitudes.scatter))


def _digest(
    published: GalPublishedCatalogue, options: MatchingOptions, blending: CrossMatchOptions
) -> str:
    """Of what would be matched now; a reference that is made again has another id."""
    made_of = [VERSION, str(published.loaded_at), asdict(options), asdict(blending)]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
