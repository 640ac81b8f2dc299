"""All that is derived of published stars, said again when matches with them change."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction

from exposures.locks import Claimed, lock_to_end
from photometry.matching.colours import all_published_colours
from photometry.models import GalReference
from variables.derived.colours import update_colours
from variables.derived.known import refresh_known
from variables.derived.published_diagrams import replace_diagram
from variables.derived.stars import refresh_stars
from variables.models import GalCandidate
from variables.variability.binned_statistics import replace_published_bins


@transaction.atomic
def refresh_published(reference_id: int) -> None:
    """Have candidates, the plane of all stars, and diagrams say what the matches tell now.

    Those of a reference catalogue's sources; nothing where it is gone.
    """
    lock_to_end(Claimed.CANDIDATES, [reference_id])
    reference = GalReference.objects.filter(pk=reference_id).first()
    if reference is None:
        return
    refresh_known(reference_id)
    # Which source counts for a star hangs on what is known of them.
    shared = GalCandidate.objects.filter(catalogue=reference_id, star_sources__gt=1)
    refresh_stars(list(shared.values_list("pk", flat=True)))
    stars = all_published_colours(reference_id)
    update_colours(reference_id, stars)
    replace_published_bins(reference, stars)
    replace_diagram(reference, stars)


def refresh_published_later(reference_ids: Iterable[int]) -> None:
    """Say it again of some reference catalogues once all is committed, in their order.

    For callers that hold locks which come after those of candidates.
    """
    for reference_id in sorted(set(reference_ids)):
        # Matches are stored by then: where it fails, the next time mends it.
        transaction.on_commit(partial(refresh_published, reference_id), robust=True)
