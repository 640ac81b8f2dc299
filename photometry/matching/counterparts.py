"""Published stars that sources of a reference are, where hardly anything else may be so."""

from collections.abc import Mapping

import numpy as np

from exposures.binary_copy import copy_out
from exposures.models import GalPublishedCatalogue
from exposures.published_ids import published_id_range
from exposures.science.arrays import IntArray
from exposures.source_ids import id_range
from photometry.science.matching.states import MatchState

SECOND_SHARE = 0.1  # probability of another star, from which a source may be a blend of both
# By the range of their ids, so that one partition is read, and none where it is gone.
STARS = """
SELECT m.refsource_id, m.star_id, m.probability, {columns}
FROM galmatches m JOIN galpublishedstars p ON p.id = m.star_id
WHERE {sources} AND m.catalogue_id = {published} AND m.rank = 1 AND m.state = {matched}
    AND p.id BETWEEN {first} AND {last}
    AND NOT EXISTS (
        SELECT FROM galmatches o
        WHERE o.refsource_id = m.refsource_id AND o.catalogue_id = m.catalogue_id AND o.rank = 2
            AND o.probability > {second}
    )
ORDER BY m.refsource_id
"""


def counterparts(
    reference_id: int,
    published: GalPublishedCatalogue,
    columns: Mapping[str, str],
    refsource_ids: IntArray | None = None,
) -> np.ndarray:
    """Rows (k,) of a reference's sources that are matched with a single star, by their ids.

    All its sources, or some by their ids. Each row has the ``refsource_id``, the ``star_id``, the
    ``probability`` of the match, and ``columns`` by their names: expressions in galpublishedstars p
    of type real, NaN where the catalogue doesn't say.
    """
    dtype = [("refsource_id", "i8"), ("star_id", "i8")]
    dtype += [(name, "f4") for name in ("probability", *columns)]
    if refsource_ids is None:
        sources = "m.refsource_id BETWEEN {} AND {}".format(*id_range(reference_id))
    else:
        numbers = ",".join(map(str, refsource_ids.tolist()))
        sources = f"m.refsource_id = ANY('{{{numbers}}}'::bigint[])"
    first, last = published_id_range(published.pk)
    query = STARS.format(
        columns=", ".join(f"coalesce({value}, 'NaN')" for value in columns.values()),
        sources=sources,
        published=published.pk,
        matched=int(MatchState.MATCHED),
        first=first,
        last=last,
        second=SECOND_SHARE,
    )
    return copy_out(query, np.dtype(dtype))
