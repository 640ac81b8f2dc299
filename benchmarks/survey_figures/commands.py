"""What commands over the whole survey cost."""

import io
from itertools import islice

from django.core.management import call_command

from exposures.models import GalExposure
from photometry.models import GalReference

LIMIT_SECONDS = 900  # of the wall
# Of so many exposures, or catalogues, one is done: each takes the same work by itself.
EVERY = 8


def _quietly(*words):
    call_command(*map(str, words), stdout=io.StringIO(), stderr=io.StringIO())


def measure_dry_runs(figures):
    """Commands that look at all of the survey, and change nothing."""
    for name, words in {
        "reprocess": ("reprocess", "--all", "--dry-run"),
        "crossmatch_filters": ("crossmatch_filters", "--dry-run"),
    }.items():
        figures.seconds(f"{name}_dry_run", _quietly, *words, limit=LIMIT_SECONDS)


def measure_derivations(figures):
    """Commands that derive all anew, by what they take for an eighth of the survey."""
    exposures = GalExposure.objects.order_by("pk").values_list("identifier", flat=True)
    catalogues = GalReference.objects.order_by("pk").values_list("pk", flat=True)
    for name, option, things in (
        ("propose_flags", "--exposure", exposures),
        ("refresh_candidates", "--catalogue", catalogues),
    ):
        some = list(islice(things, 0, None, EVERY))
        seconds = figures.cost(name, _quietly, name, option, *some, limit=LIMIT_SECONDS)
        figures.store(f"{name}_seconds", seconds * len(things) / len(some))
