"""The numbers of stars by how often they were detected as variable."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count

from variables.models import GalCandidate
from variables.models.known import SURER, Known


@dataclass(frozen=True)
class Counting:
    """The choices of what the table of repeated detections counts."""

    filter: str | None = None  # of the references; None: all
    accepted_only: bool = True  # not what fails a cut or is flagged
    per_source: bool = False  # else a star is one, however many references and filters show it


@dataclass(frozen=True)
class Repeat:
    """A line of the table of repeated detections."""

    n_detections: int
    count: int  # stars that were detected so often
    query: str  # of the address of their list


@dataclass(frozen=True)
class KnownCount:
    """How many of the counted stars are known, new, or can't be told."""

    known: Known
    count: int
    query: str  # of the address of their list


@dataclass(frozen=True)
class Repeats:
    """The table of repeated detections."""

    rows: tuple[Repeat, ...]
    counting: Counting
    known: tuple[KnownCount, ...]  # () where no catalogue of variables was asked

    @property
    def unit(self):
        """The noun for what is counted."""
        return "sources" if self.counting.per_source else "stars"

    @property
    def total(self):
        return sum(row.count for row in self.rows)

    @property
    def largest(self):
        return max((row.count for row in self.rows), default=0)


def count_repeat_detections(counting=Counting()) -> list[tuple[int, int]]:
    """Pairs (number of detections, number of stars with it), from 1 detection on.

    An image on which several sources of one star are detected counts once.
    """
    candidates, column = _counted(counting), _column(counting)
    candidates = candidates.filter(**{f"{column}__gt": 0})
    return list(candidates.order_by(column).values_list(column).annotate(count=Count("pk")))


def count_new(counting=Counting()) -> int:
    """The number of counted stars that are not on the reference."""
    return _counted(counting).filter(kind=GalCandidate.Kind.NEW).count()


def count_varying(counting=Counting()) -> int:
    """The number of counted stars that no image shows to change, and all epochs together do."""
    return _counted(counting).filter(varies=True, **{_column(counting): 0}).count()


def count_known(counting=Counting()) -> dict[Known, int]:
    """The numbers of stars that are known variables, new, or can't be told, without those of 0.

    A star is what the surest of its sources is.
    """
    counts = {}
    for known in (Known.KNOWN, Known.NEW, Known.CANT_BE_TOLD):
        candidates = _sources(counting).filter(known=known)
        if not counting.per_source:
            others = GalCandidate.objects.filter(known__in=SURER[known])
            candidates = candidates.of_stars_without(others).one_a_star()
        if count := candidates.count():
            counts[known] = count
    return counts


def _counted(counting):
    candidates = _sources(counting)
    return candidates if counting.per_source else candidates.one_a_star()


def _sources(counting):
    # Sources of catalogues that were replaced are the same stars again, under other ids.
    candidates = GalCandidate.objects
    candidates = candidates.accepted() if counting.accepted_only else candidates.current()
    if counting.filter is not None:
        candidates = candidates.in_filter(counting.filter)
    return candidates


def _column(counting):
    name = "detections" if counting.accepted_only else "changes"
    if counting.per_source:
        return f"n_{name}"
    return f"star_{name}" + "_in_filter" * (counting.filter is not None)


def repeated(counting=Counting()) -> Repeats:
    """The table of repeated detections, each line with a link to its candidates."""
    common = {"filter": counting.filter} if counting.filter else {}
    name = "detections" if counting.accepted_only else "changes"
    if not counting.accepted_only:
        common |= {"artifact": "both", "undetected": "both"}
    if counting.per_source:
        common["per"] = "source"
    rows = tuple(
        Repeat(n, count, urlencode({f"{name}_min": n, f"{name}_max": n} | common))
        for n, count in count_repeat_detections(counting)
    )
    known = tuple(
        KnownCount(known, count, urlencode({"known": known.value} | common))
        for known, count in count_known(counting).items()
    )
    return Repeats(rows, counting, known)
