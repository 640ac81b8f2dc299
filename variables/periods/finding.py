"""The periods of the stars of a catalogue that vary, from table to table."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from django.utils import timezone

from exposures.locks import Claimed, claim
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalPeriodRun, GalVariabilityRun
from variables.periods.curves import direction_of, members_of, read_star_curves
from variables.periods.options import PeriodSearch
from variables.periods.storage import PERIOD_DTYPE, period_rows, replace_periods
from variables.science.periodicity.search import periods_of_stars
from variables.variability.curves import CatalogueImages

VERSION = 2  # of the numbers; with another than now all are found anew
STARS_AT_ONCE = 2_000  # whose light curves are in memory


@dataclass(frozen=True)
class FoundPeriods:
    """What was found of a catalogue's stars."""

    n_stars: int  # that were searched
    n_periodic: int  # of these, that have a certain period


def candidate_sources(catalogue: GalReference) -> list[int]:
    """The sources of a catalogue that changed on an image, or vary over all."""
    found = GalCandidate.objects.found().filter(catalogue_id=catalogue.pk)
    return list(found.order_by("pk").values_list("pk", flat=True))


def is_followed_up(catalogue: GalReference) -> bool:
    """Whether periods were looked for since the catalogue's variability was measured, if it was."""
    run = GalVariabilityRun.objects.filter(catalogue=catalogue).first()
    later = GalPeriodRun.objects.filter(catalogue=catalogue)
    return run is None or later.filter(found__gte=run.measured).exists()


def find_periods(
    catalogue: GalReference, search: PeriodSearch, again: bool = False
) -> FoundPeriods | None:
    """Find the periods of all stars of a catalogue that vary, in place of those that are stored.

    None where there is nothing to do: stars, images and options are those of the last time (unless
    ``again``), another process is at it, or the catalogue is gone.
    """
    with claim(Claimed.PERIODS, catalogue.pk) as is_claimed:
        if not is_claimed:
            return None
        ids = candidate_sources(catalogue)
        digest = _digest(ids, search)
        last = GalPeriodRun.objects.filter(catalogue=catalogue).first()
        if not again and last is not None and last.digest == digest:
            # By which it is known that nothing is left to do.
            GalPeriodRun.objects.filter(catalogue=catalogue).update(found=timezone.now())
            return None
        rows, found = _found(ids, catalogue, search)
        run = GalPeriodRun(catalogue=catalogue, digest=digest, **asdict(found))
        if not replace_periods(catalogue, rows, run, None):
            return None
    if ids:
        refresh_candidates([catalogue.pk])
    return found


def find_periods_of(refsource_ids: Iterable[int], search: PeriodSearch) -> FoundPeriods:
    """Find the periods of the stars of some sources, whether they vary or not.

    Those that these sources have stored are replaced. Sources of catalogues that are gone, or are
    worked on by another process, are left out.
    """
    ids = np.unique(np.array(list(refsource_ids), "i8"))
    total = FoundPeriods(0, 0)
    for catalogue in GalReference.objects.in_bulk(np.unique(catalogue_of(ids)).tolist()).values():
        of = ids[catalogue_of(ids) == catalogue.pk]
        with claim(Claimed.PERIODS, catalogue.pk) as is_claimed:
            if is_claimed:
                rows, found = _found(of.tolist(), catalogue, search)
                if replace_periods(catalogue, rows, None, of):
                    refresh_candidates(refsource_ids=of.tolist())
                    total = FoundPeriods(
                        total.n_stars + found.n_stars, total.n_periodic + found.n_periodic
                    )
    return total


def _found(
    ids: Sequence[int], catalogue: GalReference, search: PeriodSearch
) -> tuple[np.ndarray, FoundPeriods]:
    """Rows of galperiods of sources of a catalogue, and how many stars have a period."""
    parts, n_periodic = [np.zeros(0, PERIOD_DTYPE)], 0
    for start in range(0, len(ids), STARS_AT_ONCE):
        some = ids[start : start + STARS_AT_ONCE]
        curves = read_star_curves(some, direction_of(catalogue), search)
        found = periods_of_stars(curves, search.periods)
        parts.append(period_rows(np.array(some, "i8"), found, curves))
        n_periodic += int(np.sum(found.are_periodic(search.periods)))
    return np.concatenate(parts), FoundPeriods(len(ids), n_periodic)


def _digest(ids: Sequence[int], search: PeriodSearch) -> str:
    """Of what periods would be found now."""
    members = members_of(ids)
    numbers = np.unique(catalogue_of(members.refsource_id)).tolist()
    catalogues = GalReference.objects.filter(pk__in=numbers)
    images = [image for one in catalogues for image in CatalogueImages.of(one).images]
    processed = sorted((image.pk, str(image.finished)) for image in images)
    made_of = [VERSION, processed, members.refsource_id.tolist(), asdict(search)]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
