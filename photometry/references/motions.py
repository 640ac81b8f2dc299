"""Proper motions of a reference's sources, by catalogues of stars, or by images of years."""

from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.db.models import QuerySet

from exposures.published_catalogues import PublishedKind
from photometry.matching.counterparts import counterparts
from photometry.models import GalDisplacements, GalMatchRun, GalReference
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.science.motion_fit import fit_motions
from photometry.science.motions import (
    MotionOptions,
    Motions,
    catalogue_motions,
    usable_motions,
)
from photometry.storage.displacements import displacements_of
from photometry.storage.motions import SourceMotions, replace_later_motions

AXES = ("pmra", "pmdec")


def reference_motions(
    reduction: Reduction, sources: np.ndarray, options: ReductionOptions = ReductionOptions()
) -> Motions:
    """The Motions of ``sources`` (n,), rows of galsources of a reduced reference image.

    All NaN without a catalogue, and where the image was not matched with it.
    """
    stars = reduction.catalogue_stars
    if stars is None or reduction.wcs.correction.order < 0:
        return Motions.unknown(len(sources))
    listed = Motions(
        stars.pm_ra,
        stars.pm_dec,
        stars.pm_ra_error,
        stars.pm_dec_error,
        n_images=np.zeros(len(stars), int),
    )
    x, y = sources["x"].astype("f8"), sources["y"].astype("f8")
    on_image = reduction.wcs.to_pixels(stars.ra, stars.dec)
    return catalogue_motions(x, y, *on_image, listed, options.motions)


@dataclass(frozen=True)
class StoredMotions:
    """How many sources of a reference have a proper motion that came after it was made."""

    n_published: int  # of published stars that they are matched with
    n_tested: int  # on enough images
    n_measured: int  # on them, fast and significant enough, where no catalogue has one


def measure_motions(
    catalogue: GalReference, options: MotionOptions = MotionOptions()
) -> StoredMotions:
    """Store proper motions of a reference's sources, of published stars and as images show.

    Those of published stars are of astrometric catalogues in use with which it is matched; others
    are fitted to where sources were on all images. They take the place of those stored before.
    Images measured from now on have the sources where they are by them; the light curves of before
    stay as they are.
    """
    # Before they are read: an image or a match that comes meanwhile is a new one the next time.
    n_images = GalDisplacements.objects.filter(coverage__catalogue=catalogue).count()
    runs = list(astrometric_runs().filter(reference=catalogue).select_related("published"))
    fitted = fit_motions(*displacements_of(catalogue), options)
    chosen = fitted.significant(options)
    measured = SourceMotions.of_no_star(fitted.refsource_id[chosen], fitted.motions.select(chosen))
    published = [published_motions(run, options) for run in runs]
    *n_published, n_measured = replace_later_motions(catalogue, [*published, measured])
    _note_measured(catalogue, n_images, runs)
    return StoredMotions(sum(n_published), len(chosen), n_measured)


@transaction.atomic
def _note_measured(catalogue: GalReference, n_images: int, runs: list[GalMatchRun]) -> None:
    """Note of what motions are now, and whether stars that they are of went meanwhile."""
    left = GalMatchRun.objects.filter(pk__in=[run.pk for run in runs]).update(has_motions=True)
    noted = {"n_motion_images": n_images, "lost_motions": left < len(runs)}
    GalReference.objects.filter(pk=catalogue.pk).update(**noted)


def astrometric_runs() -> QuerySet:
    """Matches of references with catalogues in use that may have proper motions, by their name."""
    runs = GalMatchRun.objects.filter(published__in_use=True)
    return runs.filter(published__kind=PublishedKind.ASTROMETRIC).order_by("published__name")


def published_motions(run: GalMatchRun, options: MotionOptions = MotionOptions()) -> SourceMotions:
    """The motions of published stars that sources are, by the matches of a run."""
    columns = {f"{name}{error}": f"p.{name}{error}" for error in ("", "_err") for name in AXES}
    rows = counterparts(run.reference_id, run.published, columns)
    motions = Motions(*(rows[name].astype(float) for name in columns), np.zeros(len(rows), int))
    usable = usable_motions(motions, rows["probability"].astype(float), options)
    return SourceMotions(rows["refsource_id"], rows["star_id"], motions).select(usable)
