"""Registration of an image to a star catalogue, even for large pointing errors."""

from dataclasses import dataclass

import numpy as np

from exposures.catalogues import CatalogueStars, Cone
from exposures.science.astrometry import (
    PixelCorrection,
    fit_pixel_correction,
    header_pixels,
    pixel_scale_arcsec,
)
from exposures.science.registration import (
    Agreement,
    Displacement,
    StarList,
    agreement,
    displacement,
    register,
)
from photometry.reduction.options import ReductionOptions
from photometry.science.detection.detection import Detections


@dataclass(frozen=True)
class CatalogueMatch:
    """The catalogue stars on an image, and the correction that maps detections onto them."""

    stars: CatalogueStars | None  # None if there is none on the image
    correction: PixelCorrection  # from detections to where the header's WCS has the stars
    agreement: Agreement = Agreement()  # of bright stars of the catalogue with those found
    is_far: bool = False  # beyond where the header's WCS was looked for at first


@dataclass(frozen=True)
class CatalogueMatcher:
    """The detections and WCS of an image, to be matched with a catalogue."""

    chip: object  # a Chip
    detections: Detections
    options: ReductionOptions

    def match(self, stars, margin_arcsec=0.0) -> CatalogueMatch:
        """Match the detections with CatalogueStars; wide shifts are searched only with a margin."""
        if len(stars) == 0:
            return CatalogueMatch(None, PixelCorrection(self.chip.shape, -1))
        fit = self.options.catalogue_astrometry
        x0, y0 = header_pixels(self.chip.wcs, stars.ra, stars.dec)
        bright = brightest(self.detections, stars, self.options)
        x, y = self.detections.x[bright], self.detections.y[bright]
        near = fit_pixel_correction(x, y, x0, y0, self.chip.shape, fit)
        found = self.detections.as_stars(self.options.min_significance, self.options.clean)
        usable = self.chip.weight > 0

        def agreement_of(correction):
            placed = StarList(*correction.undo(x0, y0), stars.magnitudes, np.ones(len(stars), bool))
            return agreement(placed, found, usable, fit)

        if not margin_arcsec:
            agreed = agreement_of(near)
            return CatalogueMatch(stars, agreed.judged(near, fit), agreed)
        known = np.isfinite(x0) & np.isfinite(y0)
        listed = StarList(x0[known], y0[known], stars.magnitudes[known], known[known])
        reach = margin_arcsec / pixel_scale_arcsec(self.chip.wcs, self.chip.shape)
        correction, agreed = register(near, found, listed, reach, agreement_of, fit)
        return CatalogueMatch(stars, correction, agreed, correction is not near)


def brightest(detections, stars, options):
    """Indices of the brightest clean detections, in proportion to the catalogue stars.

    As deep as the catalogue and no deeper: faint sources would only match by chance.
    """
    n = int(np.ceil(options.detections_per_star * len(stars)))
    return detections.brightest(options.min_significance, n, options.clean)


def match_catalogue(chip, observation, catalogue, detections, options, notes) -> CatalogueMatch:
    """Match a Chip's detections with a catalogue or None; problems are added to ``notes``.

    Its stars are those of the first of its sources that has any on the chip. Where they are not in
    their places, a wider part of the sky is searched.
    """
    sources = () if catalogue is None else catalogue.sources(_cone(chip))
    asked, stars = _first_stars(chip, observation, sources)
    if not asked:
        notes.append("astrometry: no catalogue; the header's WCS stands")
        return CatalogueMatch(None, PixelCorrection(chip.shape, -1))
    fit = options.catalogue_astrometry
    matcher = CatalogueMatcher(chip, detections, options)
    found = matcher.match(stars)
    if not found.agreement.is_registered(fit):
        # The stars on the image and those round it are of one catalogue.
        sources = asked[-1:] if len(stars) else asked
        _, wide = _first_stars(chip, observation, sources, fit.search_arcsec)
        far = matcher.match(wide, fit.search_arcsec)
        if far.agreement.is_registered(fit):
            found = far
    if found.stars is None:
        there = "no catalogue star on the chip; the header's WCS stands"
        extents = "; ".join(source.extent() for source in asked)
        notes.append(f"astrometry: {there} ({extents})")
    else:
        notes += _notes(found, chip, fit)
    return found


def _first_stars(chip, observation, sources, margin_arcsec=0.0):
    """The catalogues that were asked for stars, and those of the last, the first that has any.

    They are those on the chip and within a margin of it, at its epoch.
    """
    cone, asked, stars = _cone(chip, margin_arcsec), [], ()
    for source in sources:
        asked.append(source)
        stars = source.stars(
            cone.ra, cone.dec, cone.radius_degrees, observation.mjd, observation.filter
        )
        if len(stars):
            break
    return asked, stars


def _cone(chip, margin_arcsec=0.0):
    """The Cone that holds a chip, and a margin round it."""
    ny, nx = chip.shape
    ra, dec = chip.wcs.all_pix2world([nx / 2], [ny / 2], 0)
    radius = np.hypot(ny, nx) / 2 * pixel_scale_arcsec(chip.wcs, chip.shape) / 3600
    return Cone(float(ra[0]), float(dec[0]), 1.05 * radius + margin_arcsec / 3600)


def _notes(found, chip, fit):
    """Notes on fallbacks and large offsets."""
    correction = found.correction
    if found.is_far:
        was_off = wcs_displacement(correction)
        yield f"astrometry: {was_off.describe(pixel_scale_arcsec(chip.wcs, chip.shape))}"
    if correction.order < 0:
        yield "astrometry: no match with the catalogue; the header's WCS stands"
    elif correction.order < fit.max_order:
        yield f"astrometry: order {correction.order} from {correction.n_used} catalogue stars"


def wcs_displacement(correction, registration=None) -> Displacement:
    """The Displacement of a header's WCS by a catalogue and a following registration."""

    def to_image(x, y):
        x, y = correction.undo(x, y)
        return (x, y) if registration is None else registration.apply(x, y)

    return displacement(to_image, correction.shape)
