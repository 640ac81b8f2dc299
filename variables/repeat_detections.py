"""How many objects were detected as variable how many times."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count

from variables.models import GalCandidate


@dataclass(frozen=True)
class Repeat:
    """A line of the table."""

    n_detections: int
    count: int  # candidates that were detected so often
    query: str  # of the address of their list


@dataclass(frozen=True)
class Repeats:
    """The table of repeated detections."""

    rows: tuple[Repeat, ...]
    filter: str | None
    believed_only: bool

    @property
    def total(self):
        return sum(row.count for row in self.rows)

    @property
    def largest(self):
        return max((row.count for row in self.rows), default=0)


def count_repeat_detections(filter=None, believed_only=True) -> list[tuple[int, int]]:
    """Pairs of a number of detections, from 1, and of how many objects have that number.

    ``filter`` limits it to references in one filter; what fails a cut or is flagged is left out
    unless ``believed_only`` is False. An object is a reference source: one star has one in each
    filter.
    """
    candidates = _counted(filter, believed_only)
    column = "n_detections" if believed_only else "n_changes"
    return list(candidates.order_by(column).values_list(column).annotate(count=Count("pk")))


def count_new(filter=None, believed_only=True) -> int:
    """How many of the objects that are counted are not on the reference."""
    return _counted(filter, believed_only).filter(kind=GalCandidate.Kind.NEW).count()


def _counted(filter, believed_only):
    # Sources of catalogues that were replaced are the same stars again, under other ids.
    candidates = GalCandidate.objects.current()
    if filter is not None:
        candidates = candidates.in_filter(filter)
    return candidates.visible().detected() if believed_only else candidates


def repeated(filter=None, believed_only=True) -> Repeats:
    """The table, each line with the address of its candidates."""
    counts = count_repeat_detections(filter, believed_only)
    common = {"filter": filter} if filter else {}
    name = "detections" if believed_only else "changes"
    if not believed_only:
        common["artifact"] = "both"
    rows = tuple(
        Repeat(n, count, urlencode({f"{name}_min": n, f"{name}_max": n} | common))
        for n, count in counts
    )
    return Repeats(rows, filter, believed_only)
