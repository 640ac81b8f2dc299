"""A list of candidates as its address says: filtered, sorted, and cut into pages."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from variables.candidates.columns import SORTABLE
from variables.candidates.filters import CandidateFilter
from variables.candidates.keyset import Order, Page, beside, page_of
from variables.models import GalCandidate

DEFAULT_SORT = "-n_detections"
PAGE_SIZE = 50
MAX_COUNT = 10_000
# What an address says beside the filters.
SORT, CURSOR = "sort", "page"


@dataclass(frozen=True)
class Listing:
    """One page of a list."""

    filter: CandidateFilter
    sort: str  # a column, with - before it for descending
    page: Page
    count: int  # of the whole list; MAX_COUNT + 1 for more
    query: str  # the list without its page: what is saved, shared and opened from

    @property
    def is_counted(self):
        return self.count <= MAX_COUNT


def listing(data, request) -> Listing:
    """The page that a QueryDict asks for; an unknown sort or page is the default one."""
    chosen = CandidateFilter(data, request=request)
    sort = _sort(data)
    rows = chosen.qs
    shown = rows.with_visible_class(request.user).select_related("consensus")
    order = Order.of(GalCandidate, sort)
    try:
        page = page_of(shown, order, data.get(CURSOR), PAGE_SIZE)
    except ValueError:  # an address that somebody has cut off
        page = page_of(shown, order, None, PAGE_SIZE)
    count = rows.order_by()[: MAX_COUNT + 1].count()
    return Listing(chosen, sort, page, count, query_of(data))


def _sort(data):
    sort = data.get(SORT, DEFAULT_SORT)
    return sort if sort.removeprefix("-") in SORTABLE else DEFAULT_SORT


def query_of(data) -> str:
    """The address of a list without its page, and without what is empty."""
    pairs = [(k, v) for k, vs in data.lists() for v in vs if v and k not in (CURSOR, "list")]
    return urlencode(pairs)


def neighbours_in_list(query, candidate, request) -> tuple[int | None, int | None]:
    """The candidates before and after one in the list of an address, in two queries."""
    data = QueryDict(query)
    rows = CandidateFilter(data, request=request).qs
    return beside(rows, Order.of(GalCandidate, _sort(data)), candidate)
