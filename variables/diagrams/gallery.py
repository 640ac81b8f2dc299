"""The gallery: folded light curves of candidates, a page of small ones at a time."""

import json
from dataclasses import dataclass

import numpy as np

from exposures.keyset import CursorError, Page, page_of
from exposures.science.barycentre import JD_OF_MJD_0
from variables.candidates.filters import CandidateFilter
from variables.candidates.listing import CURSOR, search_for
from variables.candidates.search import CandidateSearch, Count, DistanceOrder
from variables.light_curves.times import barycentric_times
from variables.models import GalCandidate
from variables.models.opinions import Opinion
from variables.vetting.small_curves import small_curves
from variables.votes.blindness import note_shown

PAGE_SIZE = 24
DAY_DIGITS = 5  # a second: periods are of hours


@dataclass(frozen=True)
class Fold:
    """A candidate with its curves, and the period by which they are folded."""

    candidate: GalCandidate
    opinion: Opinion  # as the user may see it
    period_days: float
    is_agreed: bool  # by people; else it is the likeliest of its light curves
    curves: list  # by filter, its own first; times are barycentric

    @property
    def json(self) -> str:
        return json.dumps(self.curves, separators=(",", ":"))

    @property
    def period_text(self) -> str:
        return f"{self.period_days:.6g}"


@dataclass(frozen=True)
class Gallery:
    """A page of folded curves."""

    filter: CandidateFilter
    page: Page
    folds: tuple[Fold, ...]
    count: Count
    complaints: list[tuple[str, str]]


def gallery_page(data, request) -> Gallery:
    """The page of the candidates with a period that a QueryDict asks for."""
    chosen = CandidateFilter(data, request=request)
    listed = search_for(data, request)
    order, rows = listed.order, listed.rows.filter(period_days__isnull=False)
    search = CandidateSearch(rows, order, listed.everything, listed.ids)
    shown = GalCandidate.objects.as_seen_by(request.user).select_related("consensus")
    if isinstance(order, DistanceOrder):
        shown = shown.with_distance(*order.centre)
    complaints = chosen.complaints()
    try:
        page = page_of(rows, order, data.get(CURSOR), PAGE_SIZE, shown, search.first)
    except CursorError as error:
        complaints.append((CURSOR, f"{error}: these are the first"))
        page = page_of(rows, order, None, PAGE_SIZE, shown, search.first)
    note_shown(request.user, [candidate.pk for candidate in page.rows])
    return Gallery(chosen, page, folds_of(page.rows), search.count, complaints)


def folds_of(candidates) -> tuple[Fold, ...]:
    """The folds of candidates of ``as_seen_by`` that have a period."""
    curves = small_curves([one.pk for one in candidates], DAY_DIGITS)
    folded = [one for one in candidates if one.period_days or one.opinion.period_days]
    own = _barycentric([(one, curves.get(one.pk, [])) for one in folded])
    return tuple(
        _fold(one, one.opinion, one.opinion.period_days, own.get(one.pk, [])) for one in folded
    )


def _fold(candidate, opinion, agreed, curves):
    return Fold(candidate, opinion, agreed or candidate.period_days, bool(agreed), curves)


def _barycentric(curves_of):
    """{id: its curves} with times of which a fold is right over years, less 2,400,000.5 days."""
    rows = [
        (candidate, filter, *point)
        for candidate, curves in curves_of
        for filter, points in curves
        for point in points
    ]
    mjd = np.array([mjd for _, _, mjd, *_ in rows])
    # At once, as astropy takes as long for one.
    places = ([getattr(candidate, axis) for candidate, *_ in rows] for axis in ("ra", "dec"))
    times = barycentric_times(mjd, *places) - JD_OF_MJD_0
    found = {}
    for time, (candidate, filter, _, *rest) in zip(times.round(DAY_DIGITS), rows, strict=True):
        of_filter = found.setdefault(candidate.pk, {}).setdefault(filter, [])
        of_filter.append([float(time), *rest])
    return {pk: [list(one) for one in of.items()] for pk, of in found.items()}
