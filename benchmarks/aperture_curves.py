"""Light curves by apertures on raw frames, which share no fit with those that are stored."""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
from photutils.centroids import centroid_com
from scipy.stats import spearmanr

RADIUS, SKY = 3.5, (7, 11)  # pixels, of the aperture and of the ring around it
CUT = 6  # pixels to each side, within which a comparison star is looked for


def aperture_magnitudes(paths, ra, dec, is_comparison):
    """(n, n_frames) magnitudes of places (n,) degrees; NaN beyond a frame, or without light.

    They are relative to the median of those that are comparison stars (n,), bright and constant,
    each against its own median. These tell by how much a frame's WCS is off, too.
    """
    found = np.array([_on_frame(path, ra, dec, is_comparison) for path in paths]).T
    stars = found[is_comparison]
    return found - np.nanmedian(stars - np.nanmedian(stars, axis=1, keepdims=True), axis=0)


def _on_frame(path, ra, dec, is_comparison):
    with fits.open(path) as file:
        data, wcs = file["IMAGE"].data.astype(float), WCS(file["IMAGE"].header)
    places = np.column_stack(wcs.all_world2pix(ra, dec, 0))
    inside = _inside(places, data)
    places += np.median([_offset(data, p) for p in places[inside & is_comparison]], axis=0)
    inside &= _inside(places, data)
    sky = ApertureStats(data, CircularAnnulus(places[inside], *SKY)).median
    aperture = CircularAperture(places[inside], RADIUS)
    flux = np.full(len(places), np.nan)
    flux[inside] = aperture.do_photometry(data)[0] - sky * aperture.area
    return -2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def _inside(places, data):
    return np.all(
        (places > SKY[1] + 1) & (places < np.array(data.shape[::-1]) - SKY[1] - 2), axis=1
    )


def _offset(data, place):
    x, y = np.round(place).astype(int)
    cut = data[y - CUT : y + CUT + 1, x - CUT : x + CUT + 1]
    return np.array([x, y]) - CUT + centroid_com(np.maximum(cut - np.median(cut), 0)) - place


def agreement(mjd, stored, apertures):
    """Rank correlation of a star's stored magnitudes with its apertures on other frames; (n,) each.

    Those of every second frame, the median of three, are interpolated to the frames between, whose
    pixels they have nothing to do with: of a constant star it is 0 but for chance.
    """
    between = np.arange(len(mjd)) % 2 == 1
    known = np.flatnonzero(~between & np.isfinite(stored))
    compared = between & np.isfinite(apertures)
    if len(known) < 3 or compared.sum() < 3:
        return np.nan
    smooth = [np.median(stored[known[max(i - 1, 0) : i + 2]]) for i in range(len(known))]
    expected = np.interp(mjd[compared], mjd[known], smooth)
    return float(spearmanr(expected, apertures[compared]).statistic)
