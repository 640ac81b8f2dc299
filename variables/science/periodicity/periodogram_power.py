"""The power of a periodogram from its sums, and its strongest peaks."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled

# Added to the sums of squares of a cosine and of a sine about their means, each about one half: a
# sinusoid that the epochs can't tell from a mean has no power then.
RIDGE = np.float32(2e-3)
HALF, ONE, TWO = np.float32(0.5), np.float32(1), np.float32(2)


@compiled
def powers(
    sums: FloatArray, band_sums: FloatArray, inverse: FloatArray, power: FloatArray, start: int
) -> None:
    """Write into ``power`` (n_stars, n_frequencies) the shares of variance of sinusoids, 0 to 1.

    From the column ``start`` on, as many as there are sums.

    ``sums`` (4, n_stars, n) are those of weight times value times cosine and sine, and of weight
    times cosine and sine at doubled frequency; ``band_sums`` (2, n_bands, n_stars, n) those of
    weight times cosine and sine in each filter, and ``inverse`` (n_bands, n_stars) of the weights;
    no units.
    """
    y_cos, y_sin, cos2, sin2 = sums[0], sums[1], sums[2], sums[3]
    band_cos, band_sin = band_sums[0], band_sums[1]
    n_bands, n_stars, size = band_cos.shape
    n = min(size, power.shape[1] - start)
    cc, ss, cs = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    for i in range(n_stars):
        for k in range(n):
            cc[k] = HALF + HALF * cos2[i, k] + RIDGE
            ss[k] = HALF - HALF * cos2[i, k] + RIDGE
            cs[k] = HALF * sin2[i, k]
        for b in range(n_bands):
            part = inverse[b, i]
            for k in range(n):
                c, s = band_cos[b, i, k], band_sin[b, i, k]
                cc[k] -= c * c * part
                ss[k] -= s * s * part
                cs[k] -= c * s * part
        for k in range(n):
            yc, ys = y_cos[i, k], y_sin[i, k]
            top = ss[k] * yc * yc + cc[k] * ys * ys - TWO * cs[k] * yc * ys
            power[i, start + k] = top / (cc[k] * ss[k] - cs[k] * cs[k])


@compiled
def turned_cosines(
    far_cos: FloatArray,
    far_sin: FloatArray,
    near_cos: FloatArray,
    near_sin: FloatArray,
    table: FloatArray,
) -> None:
    """Write into ``table`` (4, n_epochs, n) cosines and sines of sums of two angles, and of twice.

    Those of one angle are ``far_cos`` and ``far_sin`` (n_epochs,), those of the other ``near_cos``
    and ``near_sin`` (n_epochs, n); no units.
    """
    n_epochs, n = near_cos.shape
    for j in range(n_epochs):
        fc, fs = far_cos[j], far_sin[j]
        for k in range(n):
            c = fc * near_cos[j, k] - fs * near_sin[j, k]
            s = fs * near_cos[j, k] + fc * near_sin[j, k]
            table[0, j, k] = c
            table[1, j, k] = s
            table[2, j, k] = TWO * c * c - ONE
            table[3, j, k] = TWO * c * s


@compiled
def harmonic_sums(power: FloatArray, first: int, n_harmonics: int, sums: FloatArray) -> None:
    """Write into ``sums`` (n_stars, n) the power of each frequency and of its harmonics, a share.

    ``power`` (n_stars, n) is that at multiples of a step from ``first`` steps on; harmonics beyond
    the last count as its mean.
    """
    n_stars, n = power.shape
    for i in range(n_stars):
        mean = np.float32(0)
        for k in range(n):
            mean += power[i, k]
        mean /= np.float32(n)
        row, total = power[i], sums[i]
        for k in range(n):
            total[k] = row[k]
        for h in range(2, n_harmonics + 1):
            n_known = max((n - 1 + first) // h - first + 1, 0)
            for k in range(n_known):
                total[k] += row[h * (first + k) - first]
            for k in range(n_known, n):
                total[k] += mean


@compiled
def strongest(power: FloatArray, apart: int, n: int) -> tuple[IntArray, FloatArray]:
    """Indices and powers (n_stars, n), shares, of each row's highest maxima, highest first.

    ``power`` is (n_stars, n_frequencies); a maximum is the highest within ``apart`` samples. -1
    and NaN where there are fewer.
    """
    n_stars, n_frequencies = power.shape
    places = np.full((n_stars, n), -1, np.int64)
    heights = np.full((n_stars, n), np.nan, np.float32)
    for i in range(n_stars):
        row = power[i]
        found, lowest = 0, np.float32(-1)
        for k in range(n_frequencies):
            value = row[k]
            if value <= lowest:
                continue
            if (k > 0 and row[k - 1] > value) or (k + 1 < n_frequencies and row[k + 1] >= value):
                continue
            is_highest = True
            for j in range(max(k - apart, 0), min(k + apart + 1, n_frequencies)):
                if row[j] > value:
                    is_highest = False
                    break
            if not is_highest:
                continue
            at = min(found, n - 1)
            while at > 0 and heights[i, at - 1] < value:
                heights[i, at], places[i, at] = heights[i, at - 1], places[i, at - 1]
                at -= 1
            heights[i, at], places[i, at] = value, k
            found = min(found + 1, n)
            if found == n:
                lowest = heights[i, n - 1]
    return places, heights
