"""The greyscale of pictures."""

import numpy as np

WHITE_SIGMA = 40.0  # of the sky: at least so bright is white
SOFT_SIGMA = 3.0  # where the asinh turns from linear to logarithmic
DIFFERENCE_SIGMA = 12.0  # black and white of a difference
GREY = 128
BLACK_SIGMA = 2.0  # below the sky
N_LEVELS = 65  # of a table from one stretch to another
LINEAR_WHITE_SIGMA = 12.0  # above the sky, in the linear stretch


def stretch_tables(white_sigma):
    """How greys (0 to 1) of ``grey`` become those of other stretches, {"linear", "log"}.

    Of each N_LEVELS greys, evenly from black to white, as the tables of SVG's filters are;
    ``white_sigma`` is the height above the sky that is white, over the noise.
    """
    most = np.arcsinh((white_sigma + BLACK_SIGMA) / SOFT_SIGMA)
    above_black = SOFT_SIGMA * np.sinh(np.linspace(0, 1, N_LEVELS) * most)
    return {
        "linear": np.clip(above_black / (LINEAR_WHITE_SIGMA + BLACK_SIGMA), 0, 1),
        "log": np.log1p(above_black) / np.log1p(above_black[-1]),
    }


def grey(pixels, sky, noise, white):
    """(ny, nx) u1 greys by the asinh of the height above the sky; black where NaN.

    Lupton et al. 2004, PASP 116, 133. ``white`` is the height that is white.
    """
    soft = SOFT_SIGMA * noise
    black = BLACK_SIGMA * noise
    shade = np.arcsinh((pixels - sky + black) / soft) / np.arcsinh((white + black) / soft)
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
