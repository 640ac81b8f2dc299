"""The greyscale of pictures."""

import numpy as np

WHITE_SIGMA = 40.0  # of the sky: at least so bright is white
SOFT_SIGMA = 3.0  # where the asinh turns from linear to logarithmic
DIFFERENCE_SIGMA = 12.0  # black and white of a difference
GREY = 128


def grey(pixels, sky, noise, white):
    """(ny, nx) u1 greys by the asinh of the height above the sky; black where NaN.

    Lupton et al. 2004, PASP 116, 133. ``white`` is the height that is white.
    """
    soft = SOFT_SIGMA * noise
    shade = np.arcsinh((pixels - sky + 2 * noise) / soft) / np.arcsinh((white + 2 * noise) / soft)
    return np.nan_to_num(255 * np.clip(shade, 0, 1)).astype("u1")


def difference_grey(pixels, noise):
    """(ny, nx) u1 greys of a difference image; no change is mid grey, brighter is lighter."""
    shade = GREY + 127 * pixels / (DIFFERENCE_SIGMA * noise)
    return np.nan_to_num(np.clip(shade, 0, 255), nan=GREY).astype("u1")


def sky_of(pixels):
    """Clipped median and sigma of a sky with stars on it; NaN are left out."""
    values = pixels[np.isfinite(pixels)]
    if len(values) == 0:
        return 0.0, 1.0
    sky = np.median(values)
    # From the dark side, which stars leave alone; a mean, as a median of whole numbers may be 0.
    below = values[values <= sky]
    return float(sky), float(max(1.2533 * np.mean(sky - below), 1e-6))


def white_of(pixels, sky, noise):
    """The height above the sky shown as white: a stamp's maximum, or at least some sigma."""
    values = pixels[np.isfinite(pixels)]
    top = np.percentile(values, 99.7) - sky if len(values) else 0.0
    return float(max(top, WHITE_SIGMA * noise))
