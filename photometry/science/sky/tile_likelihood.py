"""Likelihood of tiles' histograms by Bijaoui's distribution, maximised in compiled code."""

import numpy as np
from scipy.special import erfcx

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled, inlined

# The sky, in widths of the tile's histogram from its median: further off there is no solution.
LEVEL_LIMITS = (-3.0, 1.0)
# Natural logarithms of the starlight scale over the width of the tile's histogram. Below the
# lower limit the exponential can't be told from none, above the upper from a flat distribution.
LOG_SCALE_LIMITS = (-4.0, 4.0)
LOG_NOISE_RATIO_LIMITS = (-20.0, 20.0)
LIMITS = np.array([LEVEL_LIMITS, LOG_SCALE_LIMITS, LOG_NOISE_RATIO_LIMITS])

# Of the noise: 25 photons without read noise. Beyond it a first-order correction is too little.
MAX_SKEWNESS = 0.2
Z_LIMITS = (-30.0, 12.0)  # beyond them there is nothing
SMALLEST_VARIANCE = 1e-12  # ADU^2
STRAYS = 1e-5  # share of the pixels that follow no distribution
ENOUGH = 1e-5  # of the logarithm of the likelihood: a smaller rise ends the steps
LARGEST_STEP = 0.7

# Columns of what is told of a tile.
MEDIAN, WIDTH, INVERSE_GAIN, READ_VARIANCE, RATIO = range(5)

ROOT_2, ROOT_2_PI = np.sqrt(2.0), np.sqrt(2 * np.pi)
N_PIECES = 1024


def _scaled_erfc_pieces() -> FloatArray:
    """(N_PIECES, 4) cubic polynomials of erfcx(x) in t = 4 / (4 + x), in which it is smooth.

    They have its values and slopes where they meet, and are right to 1e-11.
    """
    t = np.arange(1, N_PIECES + 1) / N_PIECES
    x = 4 / t - 4
    value = np.append(0.0, erfcx(x))
    by_x = 2 * x * erfcx(x) - 2 / np.sqrt(np.pi)
    slope = np.append(1 / (4 * np.sqrt(np.pi)), by_x * -4 / t**2) / N_PIECES
    rise = np.diff(value)
    cubic = slope[:-1] + slope[1:] - 2 * rise
    return np.column_stack([value[:-1], slope[:-1], rise - slope[:-1] - cubic, cubic])


PIECES = _scaled_erfc_pieces()


@inlined
def _scaled_erfc(x: float) -> float:
    """The function erfcx of a number that is not negative, exp(x^2) erfc(x)."""
    place = 4 * N_PIECES / (4 + x)
    k = min(int(place), N_PIECES - 1)
    d = place - k
    return PIECES[k, 0] + d * (PIECES[k, 1] + d * (PIECES[k, 2] + d * PIECES[k, 3]))


@inlined
def _starlight(z: float, ratio: float, skewness: float) -> tuple[float, float, float, float]:
    """The distribution of ``starlight_cdf``, and its derivatives by its three arguments."""
    gauss = np.exp(-0.5 * z * z)
    normal = gauss / ROOT_2_PI
    if ratio >= z:
        light = 0.5 * gauss * _scaled_erfc((ratio - z) / ROOT_2)
    else:
        beyond = 0.5 * gauss * _scaled_erfc((z - ratio) / ROOT_2)
        light = np.exp(ratio * (0.5 * ratio - z)) - beyond
    tail = 0.5 * gauss * _scaled_erfc(abs(z) / ROOT_2)
    distribution = (tail if z < 0 else 1 - tail) - light
    density = ratio * light
    slope = ratio * (normal - density)
    curvature = ratio * (-z * normal - slope)
    third = ratio * ((z * z - 1) * normal - curvature)
    light_by_ratio = (ratio - z) * light - normal
    density_by_ratio = light + ratio * light_by_ratio
    slope_by_ratio = normal - density - ratio * density_by_ratio
    curvature_by_ratio = -z * normal - slope - ratio * slope_by_ratio
    return (
        distribution - skewness / 6 * curvature,
        density - skewness / 6 * third,
        -light_by_ratio - skewness / 6 * curvature_by_ratio,
        -curvature / 6,
    )


@compiled
def starlight_cdf(z: FloatArray, sigma_over_scale: float, skewness: float) -> FloatArray:
    """Cumulative distribution (n,) of the sky's noise plus an exponential of scale a.

    No argument has a unit. ``z`` (n,) is (value - sky) / sigma, at most a few. For Gaussian noise
    (Bijaoui 1980, A&A 84, 81), F = exp(-z^2/2) / 2 [erfcx(-z/sqrt 2) - erfcx((sigma/a - z)/sqrt
    2)], which loses no digits on the faint side. The noise of few photons is skewed: to first
    order, by Edgeworth's series, F - skewness/6 F'''. Unless allowed for, that looks like starlight
    and too small a sigma.
    """
    distribution = np.empty(len(z))
    for k in range(len(z)):
        distribution[k] = _starlight(z[k], sigma_over_scale, skewness)[0]
    return distribution


@inlined
def _edges_of(theta: FloatArray, edges: FloatArray, tile: FloatArray, terms: FloatArray) -> None:
    """Fill terms (n_edges, 4): the distribution at edges, its derivatives by the parameters."""
    width, inverse_gain = tile[WIDTH], tile[INVERSE_GAIN]
    level = tile[MEDIAN] + width * theta[0]
    ratio = tile[RATIO] * (np.exp(theta[2]) if len(theta) == 3 else 1.0)
    variance = max(level, 0.0) * inverse_gain + tile[READ_VARIANCE]
    is_by_sky = level > 0 and variance > SMALLEST_VARIANCE
    expected = np.sqrt(max(variance, SMALLEST_VARIANCE))
    expected_by_level = 0.5 * inverse_gain / expected if is_by_sky else 0.0
    noise, noise_by_level = ratio * expected, ratio * expected_by_level
    # A sigma that is not the expected one is put down to the gain.
    skewness = max(level, 0.0) * inverse_gain**2 * ratio / expected**3
    by_level = ratio * inverse_gain**2 / expected**3 if level > 0 else 0.0
    skewness_by_level = by_level - 3 * skewness * expected_by_level / expected
    skewness_by_ratio = skewness
    if skewness > MAX_SKEWNESS:
        skewness, skewness_by_level, skewness_by_ratio = MAX_SKEWNESS, 0.0, 0.0
    scale = width * np.exp(theta[1])
    over_scale = noise / scale
    for k in range(len(edges)):
        z = (edges[k] - level) / noise
        is_within = Z_LIMITS[0] < z < Z_LIMITS[1]
        z = min(max(z, Z_LIMITS[0]), Z_LIMITS[1])
        value, by_z, by_over_scale, by_skewness = _starlight(z, over_scale, skewness)
        by_z = by_z if is_within else 0.0
        terms[k, 0] = value
        terms[k, 1] = width * (
            -by_z * (1 + z * noise_by_level) / noise
            + by_over_scale * noise_by_level / scale
            + by_skewness * skewness_by_level
        )
        terms[k, 2] = -by_over_scale * over_scale
        terms[k, 3] = -by_z * z + by_over_scale * over_scale + by_skewness * skewness_by_ratio


@inlined
def _likelihood(
    counts: IntArray, terms: FloatArray, score: FloatArray, information: FloatArray
) -> float:
    """The log likelihood of bins (n,), and into the last arguments its slopes and information.

    ``terms`` (n + 1, 4) are as ``_edges_of`` fills them.
    """
    n_bins, n_parameters = len(counts), len(score)
    total, sum_of = 0.0, np.zeros(3)
    n_pixels = 0
    for k in range(n_bins):
        n_pixels += counts[k]
        if terms[k + 1, 0] > terms[k, 0]:
            total += terms[k + 1, 0] - terms[k, 0]
            for m in range(n_parameters):
                sum_of[m] += terms[k + 1, m + 1] - terms[k, m + 1]
    total = max(total, 1e-300)
    score[:] = 0
    information[:] = 0
    slope = np.zeros(3)
    log_likelihood = 0.0
    # A share for strays keeps a wild pixel, and a wild step, from giving minus infinity.
    floor = STRAYS / max(n_bins, 1)
    for k in range(n_bins):
        share = max(terms[k + 1, 0] - terms[k, 0], 0.0) / total
        probability = share + floor
        log_likelihood += counts[k] * np.log(probability)
        if share == 0:
            continue
        for m in range(n_parameters):
            change = terms[k + 1, m + 1] - terms[k, m + 1] - share * sum_of[m]
            slope[m] = change / total / probability
            score[m] += counts[k] * slope[m]
            for other in range(m + 1):
                information[m, other] += n_pixels * probability * slope[m] * slope[other]
    for m in range(n_parameters):
        for other in range(m):
            information[other, m] = information[m, other]
    return log_likelihood


@compiled
def maximise(
    first_guess: FloatArray,
    edges: FloatArray,
    counts: IntArray,
    ranges: IntArray,
    tiles: FloatArray,
    max_steps: int,
) -> FloatArray:
    """Parameters (n, k) of the most likely distributions of n histograms, k 2 or 3.

    By damped Fisher scoring of each from its ``first_guess`` (n, k): sky and logarithm of the
    starlight's scale in widths of the histogram, the sky from its median, and the logarithm of the
    noise over that of the noise model; no unit. ``edges`` (n, n_bins + 1) are in ADU; of the
    ``counts`` (n, n_bins) those of ``ranges`` (n, 2), first bin and end, take part. ``tiles`` (n,
    5): median and width in ADU, and of the noise model inverse gain, read variance and ratio.
    """
    theta = first_guess.copy()
    n_parameters = theta.shape[1]
    terms = np.empty((edges.shape[1], 4))
    score, information = np.empty(n_parameters), np.empty((n_parameters, n_parameters))
    for t in range(len(theta)):
        first, end = ranges[t]
        if end <= first:
            continue
        own_edges, own_counts = edges[t, first : end + 1], counts[t, first:end]
        own_terms, damping = terms[: end - first + 1], 1e-3
        ridge = 1e-6 * own_counts.sum() + 1e-9
        _edges_of(theta[t], own_edges, tiles[t], own_terms)
        current = _likelihood(own_counts, own_terms, score, information)
        for _ in range(max_steps):
            damped = information.copy()
            for m in range(n_parameters):
                damped[m, m] += damping * information[m, m] + ridge
            step = np.linalg.solve(damped, score)
            proposed = theta[t].copy()
            for m in range(n_parameters):
                moved = theta[t, m] + min(max(step[m], -LARGEST_STEP), LARGEST_STEP)
                proposed[m] = min(max(moved, LIMITS[m, 0]), LIMITS[m, 1])
            _edges_of(proposed, own_edges, tiles[t], own_terms)
            new_score, new_information = np.empty_like(score), np.empty_like(information)
            candidate = _likelihood(own_counts, own_terms, new_score, new_information)
            rise = candidate - current
            damping *= 0.2 if rise >= 0 else 10.0
            if rise >= 0:
                theta[t], current = proposed, candidate
                score[:], information[:] = new_score, new_information
            if abs(rise) < ENOUGH:
                break
    return theta
