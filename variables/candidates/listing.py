"""The list of candidates for a query string: filtered, sorted and paginated."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from exposures.keyset import CursorError, KeysetOrder, Page, beside, page_of
from variables.candidates.chosen_columns import (
    COLUMNS,
    ChosenColumns,
    chosen_columns,
    complete,
)
from variables.candidates.columns import SORTABLE
from variables.candidates.filters import CandidateFilter
from variables.candidates.line import LineError
from variables.candidates.line_names import with_line
from variables.candidates.positions import galactic, sexagesimal
from variables.candidates.search import CandidateSearch, Count, DistanceOrder, SeenVotesOrder
from variables.labels.marking import Marks, marks_on
from variables.models import GalCandidate
from variables.votes.blindness import note_shown
from variables.votes.scores import SeenScore, show_scores

DEFAULT_SORT = "-n_detections"
DISTANCE_SORT = "distance_arcsec"  # the default of a list round a position
# By what is seen of it alone; neither the order nor a page's cursor tells more.
VOTES_SORT, SEEN_VOTES = "n_votes", "seen_votes"
PAGE_SIZE = 50
# What an address says beside the filters.
SORT, CURSOR = "sort", "page"
NOT_OF_LIST = (CURSOR, "list", "format", "csrfmiddlewaretoken")


@dataclass(frozen=True)
class CandidateRow:
    """A row of the list of candidates, with its position as text."""

    candidate: GalCandidate
    place: str  # hours and degrees
    longitude: float  # Galactic, degrees
    latitude: float
    marks: Marks  # favourite and tags that the user sees
    score: SeenScore | None  # None where there is none, or the user may not know it yet

    @property
    def distance_arcsec(self) -> float | None:
        """The distance from the position filtered by; None if there is none."""
        return getattr(self.candidate, "distance_arcsec", None)


@dataclass(frozen=True)
class Listing:
    """One page of a list."""

    filter: CandidateFilter
    sort: str  # a column, with - before it for descending
    page: Page
    rows: tuple[CandidateRow, ...]
    count: Count  # of the whole list
    query: str  # the list without its page: what is saved, shared and opened from
    complaints: list[tuple[str, str]]  # what is asked, and why that makes no sense
    chosen: ChosenColumns

    @property
    def columns(self):
        """The columns shown, in which counts are those of the star if the list is by star."""
        names = {column: self.filter.column(column.name) for column in self.chosen.columns}
        return tuple(replace(column, name=name) for column, name in names.items())

    @property
    def named_columns(self):
        """The columns that the address names; "" where it names none."""
        return self.chosen.address if self.filter.data.get(COLUMNS) else ""

    @property
    def address_with_columns(self):
        """The query string of the list that has its columns, whoever opens it."""
        return query_of(QueryDict(self.query), **{COLUMNS: self.chosen.address})

    @property
    def plain_query(self):
        """The query string of the list without its columns."""
        return query_of(QueryDict(self.query), **{COLUMNS: ""})

    @property
    def has_scores(self):
        """Whether the user may know what a model says of any of the candidates."""
        return any(row.score for row in self.rows)

    @property
    def requested_sort(self):
        """The requested sort order, or "" if it is the default."""
        return "" if self.sort == _default_sort(self.filter) else self.sort

    @property
    def noun(self):
        """The noun for the rows, such as "candidates" or "sources that changed"."""
        return "candidate" if self.filter.is_plain else "changed source"


def listing(data, request) -> Listing:
    """The page of the list for a QueryDict; unknown sort orders fall back to the default.

    It is the first page if the requested one does not exist, which the complaints then say.
    """
    chosen, order = _chosen(data, request)
    found = _search(chosen, order)
    shown = GalCandidate.objects.as_seen_by(request.user)
    shown = shown.select_related("consensus", "catalogue")
    if chosen.centre:
        shown = shown.with_distance(*chosen.centre)
    complaints = chosen.complaints()
    try:
        page = page_of(found.rows, order, data.get(CURSOR), PAGE_SIZE, shown, found.first)
    except CursorError as error:
        complaints.append((CURSOR, f"{error}: these are the first"))
        page = page_of(found.rows, order, None, PAGE_SIZE, shown, found.first)
    note_shown(request.user, [candidate.pk for candidate in page.rows])
    sort, query = _sort(data, chosen), query_of(data)
    ids = [candidate.pk for candidate in page.rows]
    shown_columns = chosen_columns(data, request.user)
    complete(page.rows, shown_columns)
    rows = _placed(page.rows, marks_on(ids, request.user), show_scores(ids, request.user))
    return Listing(chosen, sort, page, rows, found.count, query, complaints, shown_columns)


def _search(chosen, order):
    """The search of a filter's candidates, by an index that is of the same filter."""
    is_in_filter = order.column.endswith("_in_filter")
    name = chosen.form.cleaned_data.get("filter") if is_in_filter else None
    everything = GalCandidate.objects.in_filter(name) if name else None
    rows = chosen.qs
    return CandidateSearch(rows, order, everything, getattr(chosen, "ids", None))


def search_for(data, request) -> CandidateSearch:
    """The search of the candidates for a QueryDict, in the order that it asks for."""
    return _search(*_chosen(data, request))


def _chosen(data, request):
    chosen = CandidateFilter(data, request=request)
    sort = _sort(data, chosen)
    name = sort.removeprefix("-")
    if name == DISTANCE_SORT:
        return chosen, DistanceOrder.round(chosen.centre, sort.startswith("-"))
    if name == VOTES_SORT:
        note_shown(request.user)
        return chosen, SeenVotesOrder(SEEN_VOTES, sort.startswith("-"))
    return chosen, KeysetOrder.of(GalCandidate, sort.replace(name, chosen.column(name)))


def _sort(data, chosen):
    sort = data.get(SORT, "")
    is_known = sort.removeprefix("-") in SORTABLE | ({DISTANCE_SORT} if chosen.centre else set())
    return sort if is_known else _default_sort(chosen)


def _default_sort(chosen):
    return DISTANCE_SORT if chosen.centre else DEFAULT_SORT


def _placed(candidates, marks, scores):
    """Rows of candidates, with positions formatted at once: astropy takes as long for one."""
    ra, dec = [c.ra for c in candidates], [c.dec for c in candidates]
    seen = [scores.get(c.pk) for c in candidates]
    own = [marks[c.pk] for c in candidates]
    places = sexagesimal(ra, dec), *galactic(ra, dec)
    return tuple(map(CandidateRow, candidates, *places, own, seen))


def query_of(data, **changes) -> str:
    """The query string of a list without its page and its defaults, updated by ``changes``."""
    pairs = [(k, v) for k, vs in data.lists() for v in vs if k not in (*NOT_OF_LIST, *changes)]
    default = SORT, DISTANCE_SORT if data.get("position", "").strip() else DEFAULT_SORT
    parameters = [(k, v) for k, v in [*pairs, *changes.items()] if v and (k, v) != default]
    return urlencode(parameters)


def query_of_line(data) -> str | None:
    """The query string that a line stands for, with what stands beside it; None of a wrong one."""
    try:
        return query_of(with_line(data, CandidateFilter.base_filters))
    except LineError:
        return None


def neighbours_in_list(query, candidate, request) -> tuple[int | None, int | None]:
    """The candidates before and after one in the list of a query string, with two queries."""
    chosen, order = _chosen(QueryDict(query), request)
    if order.column == DISTANCE_SORT:
        placed = GalCandidate.objects.with_distance(*chosen.centre)
        candidate = placed.filter(pk=candidate.pk).first() or candidate
    return beside(chosen.qs, order, candidate, _search(chosen, order).first)
