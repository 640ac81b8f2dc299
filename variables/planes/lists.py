"""Lists of stars that people chose on a plane."""

import math
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db import IntegrityError, transaction

from exposures.errors import GalprojectError
from photometry.models import GalSource
from variables.candidates.known import known_label, known_text
from variables.candidates.positions import sexagesimal
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalVariability, StarList
from variables.planes.lasso import stars_inside
from variables.variability.axes import AXES

PAGE_SIZE = 100
# Statistics of a star in a list, each with its digits after the decimal point.
COLUMNS = (
    ("robust_mag", 3),
    ("range_mag", 3),
    ("excess_mag", 3),
    ("chi2_nu", 1),
    ("deviation_sigma", 1),
    ("n_epochs", 0),
)


class StarListError(GalprojectError):
    """A list that can't be made."""


@dataclass(frozen=True)
class StarRow:
    """A star of a list, as it is now."""

    refsource_id: int
    place: str  # hours and degrees; "" where it is no more
    is_candidate: bool
    known: str  # by published catalogues, as lists of candidates say it
    known_text: str
    cells: tuple[tuple[str, str], ...]  # headings and texts of the statistics in COLUMNS


@dataclass(frozen=True)
class StarListPage:
    """A page of the stars of a list, and how many of all of them are candidates."""

    page: Page
    rows: tuple[StarRow, ...]
    n_candidates: int

    @property
    def headings(self) -> list[str]:
        """The headings of the statistics in each row."""
        return [AXES[name].title for name, _ in COLUMNS]


def make_list(user, name, plane, corners, query) -> StarList:
    """Keep the stars inside a polygon on a Plane as a list of a user's, and make them candidates.

    ``corners`` (k, 2) are values on both axes; ``query`` is the plane's query string. Raises
    LassoError where there are none, or too many, and StarListError where the name is taken.
    """
    ids = stars_inside(plane.catalogue_ids, plane.x, plane.y, corners)
    try:
        with transaction.atomic():
            stars = StarList.objects.create(user=user, name=name, query=query, refsource_ids=ids)
    except IntegrityError as error:
        raise StarListError(
            f"You have a list “{name}” already: choose another name, or delete it"
        ) from error
    # In transactions of their own, a catalogue each: what is left out by chance comes with the
    # next change.
    refresh_candidates(refsource_ids=ids)
    return stars


def candidates_query(stars: StarList) -> str:
    """The query string of the candidates of a list, whatever was detected of them."""
    return urlencode({"star_list": stars.pk, "undetected": "both", "per": "source"})


def page_of_list(stars: StarList, number) -> StarListPage:
    """One page of the stars of a list, in the order of their ids."""
    page = Paginator(stars.refsource_ids, PAGE_SIZE).get_page(number)
    ids = list(page.object_list)
    statistics = GalVariability.objects.in_bulk(ids)
    places = dict(_places(ids))
    candidates = GalCandidate.objects.filter(pk__in=stars.refsource_ids)
    here = candidates.in_bulk(ids)
    rows = (_row(pk, places.get(pk, ""), here.get(pk), statistics.get(pk)) for pk in ids)
    return StarListPage(page, tuple(rows), candidates.count())


def _row(pk, place, candidate, statistics):
    said = ("", "") if candidate is None else (known_label(candidate), known_text(candidate))
    return StarRow(pk, place, candidate is not None, *said, _cells(statistics))


def _cells(statistics):
    """The headings and the texts of a star's statistics; "–" for each that it has not."""
    values = ((name, getattr(statistics, name, math.nan), digits) for name, digits in COLUMNS)
    return tuple((AXES[name].title, _text(value, digits)) for name, value, digits in values)


def _text(value, digits):
    return f"{value:.{digits}f}".replace("-", "−") if math.isfinite(value) else "–"


def _places(ids):
    on_references = GalSource.objects.reference().filter(refsource_id__in=ids)
    for pk, ra, dec in on_references.values_list("refsource_id", "ra", "dec"):
        yield pk, sexagesimal(ra, dec)
