"""What commands over the whole survey cost."""

import io
from itertools import islice

from django.core.management import call_command

from exposures.options_in_force import options_in_force
from photometry.models import GalReference
from variables.derived.refresh import refresh_catalogue
from variables.derived.stars import candidates_of_other_stars

LIMIT_SECONDS = 900  # of the wall
# Of so many catalogues one is done: each takes the same work by itself.
EVERY = 24


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
    """Commands that derive all anew: flags of all exposures, candidates of some catalogues twice.

    First nearly all rows are others than are stored, as made-up statistics don't follow from
    measurements; then none is.
    """
    figures.seconds("propose_flags", _quietly, "propose_flags", limit=LIMIT_SECONDS)
    catalogues = GalReference.objects.order_by("pk").values_list("pk", flat=True)
    some = list(islice(catalogues, 0, None, EVERY))
    share = len(some) / len(catalogues)
    words = "refresh_candidates", "--catalogue", *some
    seconds = figures.cost("refresh_candidates", _quietly, *words, limit=LIMIT_SECONDS)
    figures.store("refresh_candidates_seconds", seconds / share)
    again = figures.cost("refresh_candidates_again", _refresh, some, limit=LIMIT_SECONDS)
    others = figures.cost("refresh_candidates_again", candidates_of_other_stars)
    figures.store("refresh_candidates_again_seconds", again / share + others)


def _refresh(catalogue_ids):
    """Refresh catalogues as the command does without their names: without a look at all stars."""
    options = options_in_force()
    catalogues = GalReference.objects.select_related("image__exposure")
    for catalogue in catalogues.filter(pk__in=catalogue_ids).order_by("pk"):
        refresh_catalogue(catalogue, None, options)
