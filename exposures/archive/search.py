"""The search for exposures in the archive."""

from exposures.archive.client import Archive
from exposures.archive.queries import Query, bodies
from exposures.archive.triplets import ArchiveExposure, exposures_of


def find(query: Query, archive: Archive | None = None) -> list[ArchiveExposure]:
    """Find the exposures of a query, complete or not, by their start.

    Logs in nowhere: who may fetch a file is another matter. Raises ArchiveError.
    """
    archive = archive or Archive()
    rows = [row for body in bodies(query) for row in archive.search(body)]
    return [exposure for exposure in exposures_of(rows) if _is_wanted(exposure, query)]


def _is_wanted(exposure, query):
    """Whether it is in the circle and filter: the archive searches boxes and filter prefixes."""
    is_numbered = not query.expnums or exposure.expnum in query.expnums
    is_in_filter = query.filter in ("", exposure.filter)
    return is_numbered and is_in_filter and query.contains(exposure.ra, exposure.dec)
