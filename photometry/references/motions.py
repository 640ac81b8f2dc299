"""Proper motions of a reference's sources, by a catalogue of stars, or by images of years."""

from dataclasses import dataclass

import numpy as np

from photometry.models import GalDisplacements, GalReference
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.science.motion_fit import fit_motions
from photometry.science.motions import MotionOptions, Motions, catalogue_motions
from photometry.storage.displacements import displacements_of
from photometry.storage.motions import replace_measured_motions


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
class MeasuredMotions:
    """How many sources of a reference have a proper motion that images show."""

    n_tested: int  # on enough images
    n_stored: int  # fast and significant enough to be used, where no catalogue has one


def measure_motions(
    catalogue: GalReference, options: MotionOptions = MotionOptions()
) -> MeasuredMotions:
    """Fit proper motions to where a reference's sources were on all images, and store them.

    They take the place of those measured before. Images measured from now on have the sources
    where they are by them; the light curves of before stay as they are.
    """
    # Before they are read: an image that comes meanwhile is a new one the next time.
    n_images = GalDisplacements.objects.filter(coverage__catalogue=catalogue).count()
    fitted = fit_motions(*displacements_of(catalogue), options)
    chosen = fitted.significant(options)
    ids, motions = fitted.refsource_id[chosen], fitted.motions.select(chosen)
    n_stored = replace_measured_motions(catalogue, ids, motions)
    GalReference.objects.filter(pk=catalogue.pk).update(n_motion_images=n_images)
    return MeasuredMotions(len(chosen), n_stored)
