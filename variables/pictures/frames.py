"""Stamps round candidates on their reference, and the matching ones of a search image."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.science.orientation import Orientation
from variables.pictures.sprite import TILE
from variables.pictures.stretch import difference_grey, grey, sky_of, white_of
from variables.science.change_stamps import (
    ChangeStamp,
    change_stamp,
    half_sides,
    peak_significance,
    psf_of_pairs,
)
from variables.science.difference import StampPair, kernel_prior, match_stamps
from variables.science.resampling import cut_stamp, middle, resample_cutout

REGION = 127  # pixels round a candidate by which the images are matched
STAR_REGION = 63  # the same of the bright stars that help


@dataclass(frozen=True)
class CutoutFrame:
    """The position of a candidate's cutouts, and their greyscale."""

    x: int  # the pixel in their middle, on the reference image
    y: int
    sky: float  # ADU
    noise: float  # sigma of the sky, ADU
    white: float  # the height above the sky that is white, ADU
    orientation: Orientation  # of all cutouts of a catalogue: north is nearest to up
    tile: np.ndarray  # (TILE, TILE) u1 of the reference

    def shaded(self, pixels, sky):
        """The greys of a region to show, (TILE, TILE) u1."""
        greys = grey(middle(pixels, TILE), sky, self.noise, self.white)
        return self.orientation.picture(greys)

    def difference(self, pixels, noise):
        """The greys of a region of a difference image to show, (TILE, TILE) u1."""
        return self.orientation.picture(difference_grey(middle(pixels, TILE), noise))


def frame_of(reference, candidate, orientation) -> CutoutFrame:
    """The CutoutFrame of a candidate on its reference's ChipPixels."""
    x, y = round(candidate.x), round(candidate.y)
    data, weight = region(reference, x, y)
    usable = np.where(weight > 0, data, np.nan)
    sky, noise = sky_of(usable)
    white = white_of(middle(usable, TILE), sky, noise)
    frame = CutoutFrame(x, y, sky, noise, white, orientation, np.zeros((TILE, TILE), "u1"))
    frame.tile[:] = frame.shaded(data, sky)
    return frame


def region(reference, x, y, side=REGION):
    """(side, side) pixels and weights of a reference; NaN and 0 beyond its edge."""
    return cut_stamp(reference.data, x, y, side, np.nan), cut_stamp(reference.weight, x, y, side)


@dataclass(frozen=True)
class Drawn:
    """What an epoch shows of a candidate."""

    search: np.ndarray  # (TILE, TILE) u1
    difference: np.ndarray  # (TILE, TILE) u1
    change: ChangeStamp | None  # None where nothing near it changed


class Epoch:
    """A search image and its reference, with the map of pixels and the matching kernel."""

    def __init__(self, reference, search, stars, options):
        """``stars`` is (2, n) x and y of bright stars there, ``options`` are all the pipeline's."""
        self.reference, self.search = reference, search
        self.options, self.place_options = options.pictures, options.changed_star
        x, y = np.rint(stars).astype(int)
        place, matrix = self.search_positions(x, y)
        # Seeing in pixels of the reference, which the other's may differ from.
        zoom = np.sqrt(np.abs(np.linalg.det(matrix)))
        zoom = float(np.nanmedian(zoom)) if np.isfinite(zoom).any() else 1.0
        self.fwhm_pixels = reference.fwhm_pixels, search.fwhm_pixels / zoom
        found = [self._pair(*star, STAR_REGION) for star in zip(x, y, place, matrix, strict=True)]
        is_found = [pair is not None for pair in found]
        found = list(filter(None, found))
        self.prior = kernel_prior(found, self.fwhm_pixels, self.options)
        stars = np.transpose(stars)[is_found]
        self.psf = psf_of_pairs(found, stars, self.fwhm_pixels, options.reduction.psf)

    def search_positions(self, x, y):
        """(n, 2) y, x on the search image of pixels; (n, 2, 2) how they change there."""
        half = REGION // 2
        x = x[:, None] + np.array([0, 0, 0, -half, half])
        y = y[:, None] + np.array([0, -half, half, 0, 0])
        sky = self.reference.wcs.to_sky(x.ravel(), y.ravel())
        to_x, to_y = (a.reshape(x.shape) for a in self.search.to_pixels(*sky))
        place = np.stack([to_y, to_x], axis=1)  # star, axis, point
        along_y = (place[..., 2] - place[..., 1]) / (2 * half)
        along_x = (place[..., 4] - place[..., 3]) / (2 * half)
        return place[..., 0], np.stack([along_y, along_x], axis=-1)

    def _pair(self, x, y, place, matrix, side):
        """A StampPair of both images; None off the search image."""
        if not np.isfinite(place).all() or not np.isfinite(matrix).all():
            return None
        own, own_weight = region(self.reference, x, y, side)
        data, weight = resample_cutout(self.search.data, self.search.weight, place, matrix, side)
        return StampPair(own, data, own_weight, weight)

    def matched_at(self, frame):
        """The region of a frame, Matched; None where it can't be."""
        place, matrix = self.search_positions(np.array([frame.x]), np.array([frame.y]))
        pair = self._pair(frame.x, frame.y, place[0], matrix[0], REGION)
        return pair and match_stamps(pair, self.fwhm_pixels, self.prior, self.options)

    def drawn(self, frames):
        """What is Drawn of each frame."""
        for frame, (psf, pair) in zip(frames, self._pairs(frames), strict=True):
            yield self._drawn(frame, psf, pair)

    def changes(self, places):
        """The ChangeStamp of each of ``places``, with x and y of a pixel of the reference.

        None where nothing near it changed, or the images can't be matched.
        """
        for psf, pair in self._pairs(places):
            matched = pair and match_stamps(pair, self.fwhm_pixels, self.prior, self.options)
            yield matched and self._change(pair, matched, psf)

    def _pairs(self, places):
        """The PSF and the StampPair of each of places; no pair off the search image."""
        x, y = (np.array([getattr(place, axis) for place in places]) for axis in "xy")
        half = half_sides(self.reference.fwhm_pixels)[1]
        psfs = self.psf.stamps(x, y, 2 * half + 1)
        for *pixel, psf, place, matrix in zip(
            x, y, psfs, *self.search_positions(x, y), strict=True
        ):
            yield psf, self._pair(*pixel, place, matrix, REGION)

    def _drawn(self, frame, psf, pair):
        nothing = np.full((REGION, REGION), np.nan)
        if pair is None:
            return Drawn(frame.shaded(nothing, 0), frame.difference(nothing, 1.0), None)
        matched = match_stamps(pair, self.fwhm_pixels, self.prior, self.options)
        if matched is None:
            sky, _ = sky_of(np.where(pair.search_weight > 0, pair.search, np.nan))
            return Drawn(frame.shaded(pair.search, sky), frame.difference(nothing, 1.0), None)
        return Drawn(
            frame.shaded(matched.search, frame.sky),
            frame.difference(matched.difference, matched.noise),
            self._change(pair, matched, psf),
        )

    def _change(self, pair, matched, psf):
        """The ChangeStamp of a matched pair; None where nothing in the middle changed."""
        half, _ = half_sides(self.reference.fwhm_pixels)
        stamp = change_stamp(pair, matched, psf, max(self.fwhm_pixels), 2 * half + 1)
        radius = self.place_options.radius_fwhm * max(self.fwhm_pixels)
        sigma = peak_significance(stamp, self.fwhm_pixels, min(radius, half))
        return replace(stamp, sigma=sigma) if sigma >= self.place_options.min_sigma else None
