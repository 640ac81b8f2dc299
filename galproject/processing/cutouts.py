"""Cutouts of candidates, rendered ahead by commands with progress bars."""

import sys
from collections.abc import Collection, Mapping

from django.db.models import Count, QuerySet
from tqdm import tqdm

from photometry.models import GalReference
from variables.pictures.render import Rendered, render_catalogue


def draw_cutouts(catalogues: QuerySet[GalReference], everything: bool = False) -> Rendered:
    """Update the cutouts of catalogues (a queryset), with a progress bar on a terminal.

    With ``everything`` also those of candidates that fail the cuts on every image. Each candidate
    and epoch takes some 10 ms, so that large changes take many minutes.
    """
    chosen = list(catalogues.select_related("image__exposure").order_by("pk"))
    with progress_bar(epochs_of(catalogues)) as bar:
        return in_all([render_catalogue(one, bar, everything) for one in chosen])


def draw_catalogue(catalogue_id: int) -> Rendered:
    """Update the cutouts of one catalogue, without a bar; nothing where it is gone."""
    catalogues = GalReference.objects.filter(pk=catalogue_id).select_related("image__exposure")
    catalogue = catalogues.first()
    return Rendered() if catalogue is None else render_catalogue(catalogue)


def epochs_of(catalogues: QuerySet[GalReference]) -> dict[int, int]:
    """Numbers of epochs by the ids of catalogues."""
    counted = catalogues.annotate(n_epochs=Count("coverages")).order_by("pk")
    return dict(counted.values_list("pk", "n_epochs"))


def progress_bar(n_epochs: Mapping[int, int]) -> tqdm:
    """A bar over all epochs of catalogues, on a terminal."""
    total = sum(n_epochs.values())
    return tqdm(total=total, unit="epoch", desc="cutouts", disable=not sys.stderr.isatty())


def in_all(parts: Collection[Rendered]) -> Rendered:
    """What was rendered for all of several catalogues."""
    return Rendered(
        sum(one.n_candidates for one in parts),
        sum(one.n_tiles for one in parts),
        tuple(dict.fromkeys(problem for one in parts for problem in one.problems)),
    )
