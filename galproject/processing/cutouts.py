"""Cutouts of candidates, rendered ahead by commands with progress bars."""

import sys

from django.db.models import Count
from tqdm import tqdm

from variables.pictures.render import Rendered, render_catalogue


def draw_cutouts(catalogues, everything=False) -> Rendered:
    """Update the cutouts of catalogues (a queryset), with a progress bar on a terminal.

    ``everything``: also of candidates that fail the cuts on every image. Each candidate and epoch
    takes some 10 ms: where much has changed, that is many minutes.
    """
    catalogues = catalogues.select_related("image__exposure")
    catalogues = list(catalogues.annotate(n_epochs=Count("coverages")).order_by("pk"))
    total = sum(one.n_epochs for one in catalogues)
    bar = tqdm(total=total, unit="epoch", desc="cutouts", disable=not sys.stderr.isatty())
    with bar:
        done = [render_catalogue(one, bar, everything) for one in catalogues]
    return Rendered(
        sum(one.n_candidates for one in done),
        sum(one.n_tiles for one in done),
        tuple(dict.fromkeys(problem for one in done for problem in one.problems)),
    )
