"""The report of one night, from the tables as they are now."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from heapq import nsmallest

import numpy as np
from django.db.models import Q
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string

from exposures.models import GalExposure, GalImage, Status
from galproject.quality.quantities import depth_of
from variables.models import CountedAs, GalCandidate
from variables.models.candidate_querysets import ACCEPTED
from variables.models.causes import Cause

MJD_0 = date(1858, 11, 17)
NOON = 16 / 24  # of the day in UTC: about noon in Chile, between two nights
MOST_NIGHTS, MOST_EXPOSURES = 60, 5000  # that are listed, and looked at for that
MOST_LISTED = 20  # failures, candidates and new sources
COLUMNS = ("exposure_id", "status", "is_doubted", "fwhm_arcsec", "zero_point", "sky_noise")


@dataclass(frozen=True)
class Night:
    """A night with exposures."""

    date: date  # of its evening in Chile, as in the archive
    n_exposures: int


@dataclass(frozen=True)
class FilterReport:
    """The exposures of a night in one filter; NaN where nothing is known."""

    filter: str
    n_exposures: int
    n_done: int  # chips
    n_failed: int
    n_open: int  # not processed, or not yet
    n_doubted: int
    seeing_arcsec: float  # median over the chips
    depth_mag: float  # median, 5 sigma on the sky


@dataclass(frozen=True)
class NightReport:
    """What is told of a night."""

    date: date
    filters: tuple[FilterReport, ...]
    failed: tuple[GalImage, ...]  # the first of them
    n_candidates: int  # stars that changed for the first time
    candidates: tuple[GalCandidate, ...]  # of these the most significant
    n_new_sources: int  # seen for the first or for the last time, not on the reference
    new_sources: tuple[GalCandidate, ...]  # of these the brightest

    def _sum(self, name):
        return sum(getattr(one, name) for one in self.filters)

    @property
    def n_exposures(self) -> int:
        return self._sum("n_exposures")

    @property
    def n_failed(self) -> int:
        return self._sum("n_failed")

    @property
    def seeing_arcsec(self) -> float:
        """The median over its filters; NaN where nothing is known."""
        known = [one.seeing_arcsec for one in self.filters if one.seeing_arcsec > 0]
        return float(np.median(known)) if known else np.nan

    @property
    def in_short(self) -> str:
        """It on one line."""
        seeing = self.seeing_arcsec
        parts = [
            _counted(self.n_exposures, "exposure"),
            f"{_counted(self.n_failed, 'chip')} failed",
            f"seeing {seeing:.2f}″" if seeing > 0 else "seeing unknown",
            _counted(self.n_candidates, "new candidate"),
            f"{_counted(self.n_new_sources, 'source')} not on the reference",
        ]
        return ", ".join(parts)

    def as_text(self) -> str:
        """It as plain text, for a terminal or a mail."""
        return render_to_string("galproject/night.txt", {"report": self})


def _counted(n, noun):
    return f"{n:,} {noun}{pluralize(n)}"


def first_mjd_of(night: date) -> float:
    """The MJD at which a night begins; it ends a day later."""
    return (night - MJD_0).days + NOON


def night_of(mjd: float) -> date:
    """The night that an MJD belongs to."""
    return MJD_0 + timedelta(days=int(np.floor(mjd - NOON)))


def night_before_last() -> date:
    """The night whose exposures were fetched yesterday, and are processed by now."""
    return (datetime.now(UTC) - timedelta(days=2)).date()


def latest_nights() -> list[Night]:
    """The latest nights that have exposures, the newest first."""
    dates = GalExposure.objects.order_by("-mjd").values_list("mjd", flat=True)[:MOST_EXPOSURES]
    counted = Counter(map(night_of, dates))
    return [Night(when, n) for when, n in counted.items()][:MOST_NIGHTS]


def exposures_of(night: date):
    """The exposures of a night."""
    start = first_mjd_of(night)
    return GalExposure.objects.filter(mjd__gte=start, mjd__lt=start + 1)


def report_of(night: date) -> NightReport:
    """The report of a night; without exposures, where there was none."""
    start = first_mjd_of(night)
    filters = dict(exposures_of(night).values_list("pk", "filter"))
    images = GalImage.objects.filter(exposure__in=list(filters))
    failed = images.filter(status=Status.FAILED).select_related("exposure")
    within = (start, np.nextafter(start + 1, 0))
    first_seen, seen = Q(first_mjd__range=within), Q(last_mjd__range=within)
    accepted = GalCandidate.objects.filter(ACCEPTED).counted_as(CountedAs.ACCEPTED_STAR)
    n_new, new = _first_of(accepted.filter(first_seen), "-max_significance")
    lacking = accepted.filter(first_seen | seen, kind=GalCandidate.Kind.NEW, cause=Cause.REAL)
    n_lacking, brightest = _first_of(lacking, "mean_mag")
    return NightReport(
        date=night,
        filters=_by_filter(filters, images),
        failed=tuple(failed.order_by("exposure__mjd", "ccdnum")[:MOST_LISTED]),
        n_candidates=n_new,
        candidates=new,
        n_new_sources=n_lacking,
        new_sources=brightest,
    )


def _first_of(candidates, order):
    """How many candidates there are, and the first of them by a column; those without it last.

    Ids are read without an order: else the database may go through all candidates in that order
    for the few of a night, instead of finding these by their dates.
    """
    column, sign = order.removeprefix("-"), -1 if order.startswith("-") else 1
    rows = candidates.order_by().values_list(column, "pk")
    keys = [(value is None, sign * (value or 0), pk) for value, pk in rows]
    ids = [pk for *_, pk in nsmallest(MOST_LISTED, keys)]
    found = GalCandidate.objects.in_bulk(ids)
    return len(keys), tuple(found[pk] for pk in ids if pk in found)


def _by_filter(filters, images):
    """A FilterReport of each filter, of exposures {id: filter} and their chips."""
    chips = {name: [] for name in sorted(set(filters.values()))}
    for row in images.values_list(*COLUMNS, "fwhm_pixels").order_by():
        chips[filters[row[0]]].append(row[1:])
    n_exposures = Counter(filters.values())
    return tuple(_filter_report(name, n_exposures[name], rows) for name, rows in chips.items())


def _filter_report(name, n_exposures, rows):
    statuses = Counter(row[0] for row in rows)
    measured = np.array([row[2:] for row in rows], float).reshape(-1, 4)
    fwhm_arcsec, zero_point, sky_noise, fwhm_pixels = measured.T
    n_done, n_failed = statuses[Status.DONE], statuses[Status.FAILED]
    return FilterReport(
        filter=name,
        n_exposures=n_exposures,
        n_done=n_done,
        n_failed=n_failed,
        n_open=len(rows) - n_done - n_failed,
        n_doubted=sum(row[1] for row in rows),
        seeing_arcsec=_median(fwhm_arcsec),
        depth_mag=_median(depth_of(zero_point, sky_noise, fwhm_pixels)),
    )


def _median(values):
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan
