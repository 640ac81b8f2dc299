"""Candidates that fit any conditions, in any order: found, and counted, in bounded time.

PostgreSQL's planner takes conditions for independent of each other and of the order. Where it
expects a page's rows soon it walks an index in that order, past all candidates if they come last or
there are none. So a sample is asked first: how many candidates match, and where in the order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

from django.db.models import QuerySet

from exposures.fenced import behind_fence, fenced
from exposures.keyset import KeysetOrder, Stretch, first_of, keys_of
from exposures.planner import BY_INDEXES, BY_OWN_INDEX, IN_ORDER, planned
from variables.models import GalCandidate
from variables.models.candidate_indexes import SAMPLED_OF
from variables.models.candidate_querysets import SEEN

WINDOW = 10_000  # candidates that are looked at in the order itself, before the sample is asked
WINDOWS = 4  # as many more of them, where by those that are found the rest is expected there
MORE_THAN_EXPECTED = 1.5  # are looked at, so that the rest is nearly always among them
FEW = 25  # in the sample: fewer are all found and counted, more are estimated
# Fewer are estimated, too, where more candidates than can be looked at soon are to be looked up.
FEWEST, LOOKED_UP = 8, 1000  # in the sample
PARTS = (8, 1)  # of the sample: where many match, one in 8 of it tells
SORTED_OF = 8  # of all: fewer than one in 8 are found and sorted where all that match are asked for
ENOUGH = 3  # in the sample, so that there are nearly always a page of candidates before them


@dataclass(frozen=True)
class Count:
    """How many candidates there are, or about how many."""

    n: int
    is_exact: bool

    def __str__(self):
        return f"{self.n:,}" if self.is_exact else f"about {self.n:,}"


class SeenVotesOrder(KeysetOrder):
    """An order by votes; candidates of which the user may not see the number come last."""

    @property
    def sorted_by(self):
        return "n_votes"

    def with_value(self, rows):
        return rows.filter(SEEN) if _is_seen(rows) else rows

    def without_value(self, rows):
        return rows.filter(shows_class=False) if _is_seen(rows) else rows


def _is_seen(rows):
    return "shows_class" in rows.query.annotations


@dataclass(frozen=True)
class DistanceOrder(KeysetOrder):
    """An order by the distance from a position in degrees, which no index has."""

    centre: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def round(cls, centre, descending=False):
        """An order by ``distance_arcsec`` from a position in degrees."""
        return cls("distance_arcsec", descending, False, centre)

    def within(self, stretch, distance_arcsec):
        """What of a stretch, nearest first, lies within a distance; found by the index of q3c."""
        # Rounded up: the distance is that of a candidate, which belongs to it or not.
        near = stretch.rows.near(*self.centre, 1.000001 * distance_arcsec + 1e-6)
        return Stretch(near, stretch.column, stretch.descending)


class CandidateSearch:
    """The candidates of a queryset, in a KeysetOrder.

    ``everything`` are the candidates that an index has in that order, ``rows`` or more of them.
    Where the ``ids`` are known that ``rows`` are among, they are taken for few.
    """

    def __init__(self, rows, order, everything=None, ids=None):
        self.rows = rows
        self.order = order
        self.ids = ids
        self.everything = GalCandidate.objects.all() if everything is None else everything

    @cached_property
    def count(self) -> Count:
        """How many candidates there are."""
        if self._few is not None:
            return Count(len(self._few), True)
        return Count(int(float(f"{self._n_estimated:.2g}")), False)

    def first(self, beyond, backwards, n) -> list:
        """The keys, and values sorted by, of the ``n`` that follow a value and key, or precede it.

        From the beginning, or the end, if ``beyond`` is None.
        """
        rows = keys_of(self.rows, self.order)
        if self._few is not None:
            few = self._few[:: -1 if backwards else 1][:n] if beyond is None else self._few
            found = self.order.stretches(rows.filter(pk__in=few), beyond, backwards)
            return first_of(found, n)
        found = []
        stretches = self.order.stretches(rows, beyond, backwards)
        for own, in_order in zip(stretches, self._all_in_order(beyond, backwards), strict=False):
            found += self._first_of(own, in_order, n - len(found))
            if len(found) == n:
                break
        return found

    def parts(self, read=lambda rows: rows) -> Iterator[tuple[QuerySet, dict]]:
        """Querysets of all candidates that follow one another, for ``streamed``.

        Each is as ``read`` makes it of its candidates, with the planner's settings for it. The
        first has few of them, so that it is there soon, whatever the others take.
        """
        if self._few is not None:
            few = self.rows.filter(pk__in=self._few)
            yield read(self.order.sorted(few)), BY_INDEXES
            return
        for own, in_order in zip(
            self.order.stretches(self.rows), self._all_in_order(None, False), strict=False
        ):
            at = self._sampled(own, 2 * ENOUGH)
            if at is not None:
                for part in self._until(own, at):
                    yield read(fenced(part.rows)), BY_INDEXES
                yield read(own.rows.filter(pk=at.pk)), BY_INDEXES
                own = own.beyond(getattr(at, self.order.column), at.pk)
            if in_order is not None and self._are_many:
                yield read(own.rows), IN_ORDER
            else:
                yield read(fenced(own.rows)), BY_INDEXES

    @cached_property
    def _are_many(self):
        """Whether so many match that all are read sooner in the order than they are sorted."""
        return self._n_estimated * SORTED_OF > CandidateSearch(self.everything, self.order).count.n

    @cached_property
    def _n_estimated(self):
        """The number by a sample; 0 where too few are in it."""
        with planned(BY_OWN_INDEX):
            for one_of in PARTS:
                sample = self.rows.order_by().sampled(one_of)
                n_sampled = fenced(sample).count()
                if n_sampled >= FEW:
                    return n_sampled * one_of * SAMPLED_OF
            if n_sampled >= FEWEST and behind_fence(sample).count() > LOOKED_UP:
                return n_sampled * SAMPLED_OF
        return 0

    @cached_property
    def _few(self):
        """The keys of all in the order, if they are few."""
        if self.ids is None and self._n_estimated:
            return None
        rows = self.rows if self.ids is None else self.rows.filter(pk__in=self.ids)
        with planned(BY_INDEXES):
            return list(fenced(self.order.sorted(rows)).values_list("pk", flat=True))

    def _all_in_order(self, beyond, backwards):
        """The stretches of everything; None for each where no index has the order."""
        if isinstance(self.order, DistanceOrder):
            return repeat(None)
        return self.order.stretches(self.everything, beyond, backwards)

    def _first_of(self, own, in_order, n):
        if in_order is None:
            return self._by_sample(own, n)
        found, last = self._in_window(own, in_order, n, WINDOW)
        size = MORE_THAN_EXPECTED * WINDOW * (n - len(found)) / max(len(found), 1)
        if last and 0 < size <= WINDOWS * WINDOW:
            beyond = own.beyond(*last), in_order.beyond(*last)
            more, last = self._in_window(*beyond, n - len(found), int(size) + 1)
            found += more
        return self._by_sample(own, n) if last and len(found) < n else found

    def _in_window(self, own, in_order, n, size):
        """Those among the first of an order, and the last's value and key; None: it has no more."""
        keys = in_order.rows.values_list(*dict.fromkeys([in_order.column, "pk"]))
        with planned(IN_ORDER):
            last, *following = [(row[0], row[-1]) for row in keys[size - 1 : size + 1]] or [None]
            if following:
                own = own.until(*following[0])
            return list(own.rows[:n]), last if following else None

    def _by_sample(self, own, n):
        """Those before the place in the order where the sample has enough of them."""
        enough, found = ENOUGH + 2 * n // SAMPLED_OF, []
        while len(found) < n:
            at = self._sampled(own, enough)
            parts = [own] if at is None else self._until(own, at)
            with planned(BY_INDEXES):
                found = [row for part in parts for row in fenced(part.rows)]
            if at is None:
                break
            enough *= 4
        return found[:n]

    def _sampled(self, own, k):
        """The key, and value sorted by, of the ``k``th of a stretch in the sample; None: fewer."""
        with planned(BY_OWN_INDEX):
            at = list(keys_of(fenced(own.rows.sampled()), self.order)[k - 1 : k])
        return at[0] if at else None

    def _until(self, own, row):
        value = getattr(row, self.order.column)
        if isinstance(self.order, DistanceOrder) and not own.descending:
            own = self.order.within(own, value)
        return own.parts_until(value, row.pk)
