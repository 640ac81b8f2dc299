"""The numbers of stars by how often they were detected as variable."""

from dataclasses import dataclass
from urllib.parse import urlencode

from variables.models import GalCandidate, GalCandidateCount
from variables.models.known import Known

Of = GalCandidateCount.Of
# By whether only what is accepted counts, and what is counted.
OF = {
    (True, "source"): Of.DETECTIONS,
    (False, "source"): Of.CHANGES,
    (True, "star"): Of.STAR_DETECTIONS,
    (False, "star"): Of.STAR_CHANGES,
    (True, "star in filter"): Of.DETECTIONS_IN_FILTER,
    (False, "star in filter"): Of.CHANGES_IN_FILTER,
}
ORDER_OF_KNOWN = (Known.KNOWN, Known.NEW, Known.CANT_BE_TOLD)


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
    counts = _counts(counting).filter(known="", number__gt=0)
    return list(counts.by("number").order_by("number").values_list("number", "n"))


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
    counts = _counts(counting).exclude(known="").by("known")
    found = {row["known"]: row["n"] for row in counts}
    return {known: found[known] for known in ORDER_OF_KNOWN if known in found}


def _counts(counting):
    """The rows of galcandidatecounts that a choice of what to count is the sum of."""
    counts = GalCandidateCount.objects.filter(of=OF[counting.accepted_only, _per(counting)])
    is_of_one = counting.filter is not None
    return counts.filter(filter=counting.filter) if is_of_one else counts


def _per(counting):
    if counting.per_source:
        return "source"
    return "star" if counting.filter is None else "star in filter"


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
