"""A list of candidates as its address says: filtered, sorted, and cut into pages."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from variables.candidates.columns import LISTED, SORTABLE
from variables.candidates.filters import CandidateFilter
from variables.candidates.keyset import Order, Page, beside, page_of
from variables.candidates.positions import galactic, sexagesimal
from variables.models import GalCandidate

DEFAULT_SORT = "-n_detections"
PAGE_SIZE = 50
MAX_COUNT = 10_000
# What an address says beside the filters.
SORT, CURSOR = "sort", "page"
NOT_OF_LIST = (CURSOR, "list", "format", "csrfmiddlewaretoken")


@dataclass(frozen=True)
class Row:
    """A candidate of a page, and where it is."""

    candidate: GalCandidate
    place: str  # hours and degrees
    longitude: float  # Galactic, degrees
    latitude: float


@dataclass(frozen=True)
class Listing:
    """One page of a list."""

    filter: CandidateFilter
    sort: str  # a column, with - before it for descending
    page: Page
    rows: tuple[Row, ...]
    count: int  # of the whole list; MAX_COUNT + 1 for more
    query: str  # the list without its page: what is saved, shared and opened from

    @property
    def columns(self):
        """The columns that are listed; counts are the star's in a list of stars."""
        names = {column: self.filter.column(column.name) for column in LISTED}
        return tuple(replace(column, name=name) for column, name in names.items())

    @property
    def is_counted(self):
        return self.count <= MAX_COUNT


def listing(data, request) -> Listing:
    """The page that a QueryDict asks for; an unknown sort or page is the default one."""
    chosen, order = _chosen(data, request)
    rows = chosen.qs
    shown = GalCandidate.objects.with_visible_class(request.user)
    shown = shown.select_related("consensus", "catalogue")
    try:
        page = page_of(rows, order, data.get(CURSOR), PAGE_SIZE, shown)
    except ValueError:  # an address that somebody has cut off
        page = page_of(rows, order, None, PAGE_SIZE, shown)
    count = rows.order_by()[: MAX_COUNT + 1].count()
    return Listing(chosen, _sort(data), page, _placed(page.rows), count, query_of(data))


def sorted_candidates(data, request):
    """All candidates that a QueryDict asks for, in its order."""
    chosen, order = _chosen(data, request)
    return order.sorted(chosen.qs)


def _chosen(data, request):
    chosen, sort = CandidateFilter(data, request=request), _sort(data)
    name = sort.removeprefix("-")
    return chosen, Order.of(GalCandidate, sort.replace(name, chosen.column(name)))


def _sort(data):
    sort = data.get(SORT, DEFAULT_SORT)
    return sort if sort.removeprefix("-") in SORTABLE else DEFAULT_SORT


def _placed(candidates):
    """Rows of candidates; a position for itself takes astropy a millisecond, many no longer."""
    ra, dec = [c.ra for c in candidates], [c.dec for c in candidates]
    return tuple(map(Row, candidates, sexagesimal(ra, dec), *galactic(ra, dec)))


def query_of(data, **changes) -> str:
    """The address of a list without its page and what goes without saying, but with ``changes``."""
    pairs = [(k, v) for k, vs in data.lists() for v in vs if k not in (*NOT_OF_LIST, *changes)]
    asked = [(k, v) for k, v in [*pairs, *changes.items()] if v and (k, v) != (SORT, DEFAULT_SORT)]
    return urlencode(asked)


def neighbours_in_list(query, candidate, request) -> tuple[int | None, int | None]:
    """The candidates before and after one in the list of an address, in two queries."""
    chosen, order = _chosen(QueryDict(query), request)
    return beside(chosen.qs, order, candidate)
