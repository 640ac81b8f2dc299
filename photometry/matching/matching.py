"""Sources of a reference catalogue matched with a published catalogue, from table to table."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np
from django.db import transaction

from exposures.locks import Claimed, claim
from exposures.models import GalPublishedCatalogue
from exposures.published.coverage import ANY_MAG, is_covered
from exposures.published.stars import PublishedStars as StoredStars
from exposures.published.stars import published_stars_on
from exposures.published.stored import lock_published
from exposures.published_catalogues import PublishedKind
from exposures.science.arrays import FloatArray, IntArray
from exposures.science.footprints import fault_of
from exposures.science.motion import years_after
from photometry.matching.storage import delete_runs, replace_matches
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
COMPLETE = (PublishedKind.ASTROMETRIC, PublishedKind.PHOTOMETRIC)  # kinds that list all stars


@dataclass(frozen=True)
class Evidence:
    """What is known of sources that makes them likelier to be of a kind of star, or less."""

    digest: Callable[[GalReference], str]  # another one where what is known has changed
    log_odds: Callable[[GalReference, IntArray], FloatArray]  # natural log, of sources by their ids


NO_EVIDENCE = Evidence(lambda _: "", lambda _, ids: np.zeros(len(ids)))


@dataclass(frozen=True)
class Matcher:
    """Matches reference catalogues with published ones, by options, and by what is known."""

    options: MatchingOptions = MatchingOptions()
    blending: CrossMatchOptions = CrossMatchOptions()
    of_variables: Evidence = NO_EVIDENCE

    def unmatched(
        self, reference: GalReference, names: Iterable[str] | None = None
    ) -> list[GalPublishedCatalogue]:
        """Published catalogues in use, or some of them, with which one is to be matched.

        It never was, or not with them as they are now, or with other options or evidence.
        """
        published = GalPublishedCatalogue.objects.in_use().order_by("name")
        if names is not None:
            published = published.filter(name__in=list(names))
        runs = GalMatchRun.objects.filter(reference=reference)
        stored = set(runs.values_list("published_id", "digest"))
        return [one for one in published if (one.pk, self._digest(reference, one)) not in stored]

    def match(
        self, reference: GalReference, names: Iterable[str] | None = None, again: bool = False
    ) -> list[GalMatchRun]:
        """Match all sources of a reference with published catalogues that it isn't matched with.

        Or with all in use, or those of some ``names``, ``again``; what they are takes the place of
        what was stored. Nothing is done where another process is at it, or the image has no place
        on the sky.
        """
        done: list[GalMatchRun] = []
        with claim(Claimed.MATCHES, reference.pk) as is_claimed:
            if not is_claimed or fault_of(reference.image.footprint):
                return done
            if again:
                delete_runs(reference, names)
            # Whoever loaded a catalogue meanwhile found the claim taken.
            while left := self.unmatched(reference, names):
                runs = [self._match(reference, published) for published in left]
                done += [run for run in runs if run is not None]
                if not all(runs):  # one of both is gone
                    break
        return done

    def _match(
        self, reference: GalReference, published: GalPublishedCatalogue
    ) -> GalMatchRun | None:
        """Match with one catalogue, and store it; None where one of both is gone."""
        digest = self._digest(reference, published)
        run = GalMatchRun(reference=reference, published=published, digest=digest)
        with transaction.atomic():  # so that both partitions stay while they are read
            if not lock_against_drop(reference) or not lock_published(published):
                return None
            rows = catalogue_sources(reference)
            stars = _stars_on(reference, published, self.options.max_radius_arcsec)
        log_odds = self._evidence(published).log_odds(reference, rows["refsource_id"])
        sources = _sources(rows, reference, log_odds)
        found = match_probabilities(sources, _as_matched(stars), self.options, self.blending)
        matches = decide(found, sources, _coverage(published, sources, found), self.options)
        run.n_stars = len(stars)
        _describe(run, found)
        return replace_matches(run, rows["refsource_id"], stars.id, matches)

    def _evidence(self, published: GalPublishedCatalogue) -> Evidence:
        is_of_variables = published.kind == PublishedKind.VARIABLES
        return self.of_variables if is_of_variables else NO_EVIDENCE

    def _digest(self, reference: GalReference, published: GalPublishedCatalogue) -> str:
        """Of what would be matched now; a reference that is made again has another id."""
        known = self._evidence(published).digest(reference)
        options = asdict(self.options), asdict(self.blending)
        made_of = [VERSION, str(published.loaded_at), *options, known]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


def _stars_on(
    reference: GalReference, published: GalPublishedCatalogue, margin_arcsec: float
) -> StoredStars:
    """Published stars on the image and round it, where they are at its epoch."""
    epoch = float(years_after(0.0, reference.mjd))
    return published_stars_on(published, reference.image.footprint, epoch, margin_arcsec)


def _sources(rows: np.ndarray, reference: GalReference, log_odds: FloatArray) -> ImageSources:
    values = reference_values(rows)
    fwhm = reference.image.fwhm_arcsec or DEFAULT_FWHM_ARCSEC
    error = position_error(rows["flux"], rows["flux_err"], fwhm, fwhm)
    mag, mag_err = (np.asarray(a, float) for a in (values.mag, values.mag_err))
    return ImageSources(rows["ra"], rows["dec"], error, mag, mag_err, log_odds, fwhm)


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
    faintest = faintest_magnitude(sources.mag, found.learnt.magnitudes)
    at = (published, sources.ra, sources.dec)
    return Coverage(
        is_inside=is_covered(*at),
        is_deep=is_covered(*at, faintest),
        is_depth_known=is_covered(*at, np.full(len(sources), ANY_MAG)),
        is_complete=published.kind in COMPLETE,
    )


def _describe(run: GalMatchRun, found: Probabilities) -> None:
    """Enter what was learnt of both catalogues."""
    positions, magnitudes = found.learnt.positions, found.learnt.magnitudes
    run.east, run.north = positions.frame[0].tolist()
    run.position_scale = float(np.median(positions.scale))
    run.mag_offset = float(np.median(magnitudes.offset))
    run.mag_scatter = float(np.median(magnitudes.scatter))
