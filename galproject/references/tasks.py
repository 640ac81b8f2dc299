"""The queue's tasks on references: a few lines each over what pages and commands call."""

import logging

from exposures.errors import GalprojectError
from exposures.models import GalImage
from galproject.configuration.loading import load_options
from galproject.queue import jobs
from galproject.queue.restarts import through_restarts
from galproject.references.changes import change_reference as change
from galproject.references.changes import is_made, log_refusal
from galproject.references.motions import (
    measure_motions_of,
    overdue_catalogues,
    renewable_catalogues,
)
from galproject.references.sets import change_sets, pairs_of
from photometry.crossmatch.crossmatching import crossmatch_filters
from photometry.models import GalReference

logger = logging.getLogger(__name__)


def crossmatch_withdrawn(image_ids):
    """Cross-match again where references were withdrawn."""
    through_restarts(crossmatch_filters, image_ids, load_options().crossmatch)


def change_reference(chosen_ids, withdrawn_ids, username, reason, known_ids=None):
    """Make images references and others search images, and enqueue the implied work."""
    if is_made(chosen_ids, withdrawn_ids):
        return
    try:
        change(chosen_ids, withdrawn_ids, username, reason, known_ids)
    except GalprojectError as error:
        # Nobody waits for the answer any more: it is in the log of the exposures.
        log_refusal([*chosen_ids, *withdrawn_ids], str(error))


def change_reference_set(primary_id, member_ids, is_added, username, reason):
    """Add exposures to a reference's sets or remove them, and select variables again."""
    try:
        for pairs in pairs_of(primary_id, member_ids, is_added):
            change_sets(pairs, is_added, username, reason)
            catalogues = GalReference.objects.filter(image__in=pairs.images, active=True)
            jobs.send_pictures(catalogues.values_list("pk", flat=True))
    except GalprojectError as error:
        log_refusal(GalImage.objects.filter(exposure=primary_id).values("pk"), str(error))


def measure_motions():
    """Store proper motions of references with many more images, or matched since the last time."""
    return _measured(through_restarts(overdue_catalogues))


def renew_motions(reference_id):
    """Store proper motions of a reference again if its published stars are others than before."""
    return _measured(through_restarts(renewable_catalogues, [reference_id]))


def _measured(catalogues):
    measured = through_restarts(lambda: list(measure_motions_of(catalogues)))
    for catalogue, motions in measured:
        n_sources = motions.n_published + motions.n_measured
        logger.info("%s: %d sources have a proper motion", catalogue.image, n_sources)
    return {"catalogues": [catalogue.pk for catalogue, _ in measured]}
