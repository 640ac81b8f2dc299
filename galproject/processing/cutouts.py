"""Cutouts of candidates, rendered ahead by commands with progress bars."""

import sys

from django.db.models import Count, QuerySet
from tqdm import tqdm

from photometry.models import GalReference
from variables.pictures.render import Rendered, render_catalogue


def draw_cutouts(catalogues: QuerySet[GalReference], everything: bool = False) -> Rendered:
    """Update the cutouts of catalogues (a queryset), with a progress bar on a terminal.

    With ``everything`` also those of candidates that fail the cuts on every image. Each candidate
    and epoch takes some 10 ms, so that large changes take many minutes.
    """
    counted = catalogues.annotate(n_epochs=Count("coverages"))
    chosen = list(counted.select_related("image__exposure").order_by("pk"))
    total = sum(one.n_epochs for one in chosen)
    bar = tqdm(total=total, unit="epoch", desc="cutouts", disable=not sys.stderr.isatty())
    with bar:
        done = [render_catalogue(one, bar, everything) for one in chosen]
    return Rendered(
        sum(one.n_candidates for one in done),
        sum(one.n_tiles for one in done),
        tuple(dict.fromkeys(problem for one in done for problem in one.problems)),
    )
