"""What makes the magnitudes of single sources absolute."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from exposures.models import GalPublishedStar
from exposures.source_ids import catalogue_of
from photometry.models import GalMatch, GalZeroPoint
from photometry.science.matching.states import MatchState


@dataclass(frozen=True)
class AbsoluteOffset:
    """What to add to all magnitudes of a source, to have them in a published band."""

    mag: float
    error: float  # mag, the same of all measurements
    by_colour: bool  # of the star; else it is taken to have the colour of most stars
    zero_point: GalZeroPoint

    @property
    def source(self) -> str:
        """What it is by, in words."""
        how = "" if self.by_colour or not self.zero_point.colour_terms else ", colour not known"
        return f"{self.zero_point.source}{how}"


def absolute_offsets(refsource_ids) -> dict[int, AbsoluteOffset]:
    """{id of a source: its AbsoluteOffset}, of those whose reference has a zero point."""
    ids = [int(pk) for pk in refsource_ids]
    best = GalZeroPoint.objects.best_of({int(catalogue_of(pk)) for pk in ids})
    of = {pk: best[catalogue_of(pk)] for pk in ids if catalogue_of(pk) in best}
    colours = _colours(of)
    return {pk: _offset(zero_point, colours.get(pk, np.nan)) for pk, zero_point in of.items()}


def _colours(zero_points):
    """{id of a source: its published colour} of {id: zero point}, where it is known."""
    by_catalogue = defaultdict(list)
    for pk, zero_point in zero_points.items():
        if zero_point.colour_terms:
            by_catalogue[zero_point.published].append(pk)
    colours = {}
    for published, ids in by_catalogue.items():
        matches = GalMatch.objects.filter(refsource_id__in=ids, state=MatchState.MATCHED).best()
        stars = dict(matches.with_published(published.pk).values_list("refsource_id", "star_id"))
        mags = dict(
            GalPublishedStar.objects.filter(pk__in=stars.values()).values_list("pk", "mags")
        )
        for pk, star_id in stars.items():
            bands = [published.bands.index(name) for name in zero_points[pk].colour_bands]
            known = [mags[star_id][band] for band in bands] if mags.get(star_id) else [None]
            if None not in known:
                colours[pk] = known[0] - known[1]
    return colours


def _offset(zero_point, colour):
    fitted, none = zero_point.fitted, np.zeros(1)
    colour = np.array([colour])
    mag, error = fitted.absolute(none, none, colour)
    by_colour = bool(np.isfinite(fitted.colour_correction(colour))[0])
    return AbsoluteOffset(float(mag[0]), float(error[0]), by_colour, zero_point)
