"""Cutouts of a candidate as FITS: its reference, images, and their differences."""

import numpy as np

from exposures.errors import GalprojectError
from exposures.fits.cutouts import Cutout, LocalWcs, extension_bytes, primary_bytes, time_facts
from exposures.models import GalImage
from exposures.options_in_force import options_in_force
from photometry.storage.storage import catalogue_sources
from variables.models import GalVarObj
from variables.pictures.frames import REGION, Epoch, frame_of
from variables.pictures.pixels import pixels_of_image
from variables.pictures.render import bright_stars
from variables.pictures.sprite import cutout_layout
from variables.science.resampling import cut_stamp

SIDE = REGION  # pixels
MAX_IMAGES = 12  # of one file: each is read whole, which takes a second
STEP = 1e-4  # degrees, by which the scale of pixels is measured


class NoCutoutsError(GalprojectError):
    """Cutouts that there are not, or too many of them."""


def chosen_images(candidate, ids=()) -> list[GalImage]:
    """The images of a file, oldest first: those of ``ids``, or those with the greatest changes.

    Only images of which its page shows cutouts can be chosen. Raises NoCutoutsError.
    """
    layout = cutout_layout(candidate.pk)
    shown = layout.image_ids if layout else ()
    if unknown := set(ids) - set(shown):
        raise NoCutoutsError(f"Candidate {candidate.pk} has no cutouts on image {min(unknown)}")
    if len(set(ids)) > MAX_IMAGES:
        raise NoCutoutsError(f"A file holds {MAX_IMAGES} images at most: ask for fewer")
    chosen = ids or _most_changed(candidate, shown)
    images = GalImage.objects.filter(pk__in=chosen).select_related("exposure")
    return list(images.order_by("exposure__mjd", "pk"))


def _most_changed(candidate, shown):
    """Ids of images by the significance of the change; then the latest of the others."""
    changes = GalVarObj.objects.filter(refsource_id=candidate.pk, image_id__in=shown)
    changed = changes.order_by("-significance").values_list("image_id", flat=True)
    return list(dict.fromkeys([*changed, *reversed(shown)]))[:MAX_IMAGES]


def cutouts_file(candidate, images):
    """The pieces of a FITS file, made one by one: the reference, each image and its difference.

    What can't be read is an extension without pixels, whose card PROBLEM says why. Raises
    NoCutoutsError, before anything is given, where the reference can't be read.
    """
    reference_image = candidate.catalogue.image
    try:
        reference = pixels_of_image(reference_image)
    except GalprojectError as error:
        raise NoCutoutsError(
            f"The file of its reference {reference_image} can't be read"
        ) from error
    return _pieces(_Place(candidate, reference), images)


def _pieces(place, images):
    candidate, reference_image = place.candidate, place.candidate.catalogue.image
    yield primary_bytes(_facts_of_candidate(candidate, len(images)))
    facts = _facts_of_image(reference_image)
    pixels = _region(place.reference, place.frame.x, place.frame.y)
    yield extension_bytes(Cutout("REF", pixels, place.wcs, facts))
    for number, image in enumerate(images, 1):
        for cutout in _of_image(place, image, number):
            yield extension_bytes(cutout)


class _Place:
    """A candidate on its reference, and what images are matched to that by."""

    def __init__(self, candidate, reference):
        self.candidate, self.reference, self.options = candidate, reference, options_in_force()
        self.stars = bright_stars(catalogue_sources(candidate.catalogue), self.options)
        self.frame = frame_of(reference, candidate, candidate.catalogue.image.orientation)
        self.wcs = local_wcs(reference.wcs.to_pixels, candidate, self.frame.x, self.frame.y)


def local_wcs(to_pixels, candidate, x, y) -> LocalWcs:
    """The map to the sky of the stamp round pixel ``x, y``, near a candidate.

    Scale and angles are differences over STEP, so that they have the corrections of ``to_pixels``.
    """
    ra, dec = candidate.ra, candidate.dec
    east = STEP / np.cos(np.radians(dec))
    at_x, at_y = to_pixels(
        np.array([ra, ra + east, ra - east, ra, ra]),
        np.array([dec, dec, dec, dec + STEP, dec - STEP]),
    )
    pixels = np.array([at_x, at_y])
    to_east = (pixels[:, 1] - pixels[:, 2]) / (2 * STEP)
    to_north = (pixels[:, 3] - pixels[:, 4]) / (2 * STEP)
    cd = np.linalg.inv(np.column_stack([to_east, to_north]))
    half = SIDE // 2
    return LocalWcs(ra, dec, float(at_x[0] - x + half), float(at_y[0] - y + half), cd)


def _of_image(place, image, number):
    """The cutouts of one image: its own pixels, and the difference on those of the reference."""
    facts = _facts_of_image(image)
    try:
        search = pixels_of_image(image)
    except GalprojectError:
        problem = {"PROBLEM": ("its file can't be read", "")}
        return [Cutout(f"IMAGE{number}", None, None, facts | problem)]
    (x,), (y,) = search.to_pixels(*(np.array([getattr(place.candidate, a)]) for a in ("ra", "dec")))
    if not np.isfinite([x, y]).all():
        problem = {"PROBLEM": ("the candidate is off this image", "")}
        return [Cutout(f"IMAGE{number}", None, None, facts | problem)]
    x, y = round(x), round(y)
    wcs = local_wcs(search.to_pixels, place.candidate, x, y)
    difference = _difference(place, search)
    reason = {} if difference is not None else {"PROBLEM": ("it can't be matched", "")}
    return [
        Cutout(f"IMAGE{number}", _region(search, x, y), wcs, facts),
        Cutout(
            f"DIFF{number}",
            difference,
            place.wcs if difference is not None else None,
            facts | reason | {"SCALED": (True, "to the reference's ADU, search minus reference")},
        ),
    ]


def _difference(place, search):
    """(SIDE, SIDE) matched search minus reference, ADU of the reference; None if not matched."""
    matched = Epoch(place.reference, search, place.stars, place.options).matched_at(place.frame)
    return matched and matched.difference


def _region(pixels, x, y):
    data = cut_stamp(pixels.data, x, y, SIDE, np.nan)
    return np.where(cut_stamp(pixels.weight, x, y, SIDE) > 0, data, np.nan)


def _facts_of_candidate(candidate, n_images):
    return {
        "ORIGIN": ("galproject", ""),
        "OBJECT": (f"candidate {candidate.pk}", ""),
        "CANDID": (candidate.pk, "number of the candidate"),
        "RA": (candidate.ra, "deg, ICRS"),
        "DEC": (candidate.dec, "deg, ICRS"),
        "FILTER": (candidate.filter, ""),
        "NIMAGES": (n_images, "images in this file"),
    }


def _facts_of_image(image):
    exposure = image.exposure
    return {
        "OBS-ID": (exposure.identifier, "exposure"),
        "INSTRUME": (exposure.instrument, ""),
        "DETECTOR": (image.chip_name, ""),
        "CCDNUM": (image.ccdnum, ""),
        "IMAGEID": (image.pk, "number of the image here"),
        "FILTER": (exposure.filter, ""),
        **time_facts(exposure.mjd, exposure.exposure_seconds),
        "MAGZERO": (image.zero_point, "mag of 1 ADU"),
        "SEEING": (image.fwhm_arcsec, "arcsec, FWHM"),
    }
