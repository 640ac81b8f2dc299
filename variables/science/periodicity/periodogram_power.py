"""The power of a periodogram from its sums, and its strongest peaks."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled, inlined

# Added to the sums of squares of a cosine and of a sine about their means, each about one half: a
# sinusoid that the epochs can't tell from a mean has no power then.
RIDGE = np.float32(2e-3)
HALF, ONE, TWO = np.float32(0.5), np.float32(1), np.float32(2)


def _halfway(n: int, bandwidth: float) -> FloatArray:
    """(n,) factors of the sums of the two samples beside a place halfway, the next two, ...

    By least squares for all frequencies up to the ``bandwidth``, radians a sample.
    """
    frequency = bandwidth * np.sin(np.linspace(0, np.pi / 2, 3000))
    waves = 2 * np.cos(np.outer(frequency, np.arange(n) + 0.5))
    return np.linalg.lstsq(waves, np.ones(len(waves)))[0].astype("f4")


# From sums of every second frequency to those between, where all are a fifth of a peak apart: those
# of doubled frequency change twice as fast. Off by 1e-4 and 2e-4 at most, for epochs at the ends
# of the span.
NEAR, FAR = _halfway(4, 0.4 * np.pi), _halfway(12, 0.8 * np.pi)
MARGIN = len(FAR)


@inlined
def _between(sums: FloatArray, out: FloatArray) -> None:
    """Write into ``out`` (n,) what lies halfway from each of (n + 2 MARGIN,) sums to the next."""
    s = sums[MARGIN - 3 :]
    for k in range(len(out)):
        out[k] = (
            NEAR[0] * (s[k + 3] + s[k + 4])
            + NEAR[1] * (s[k + 2] + s[k + 5])
            + NEAR[2] * (s[k + 1] + s[k + 6])
            + NEAR[3] * (s[k] + s[k + 7])
        )


@inlined
def _between_doubled(sums: FloatArray, out: FloatArray) -> None:
    """As ``_between``, of sums at doubled frequency."""
    s = sums[MARGIN - 11 :]
    for k in range(len(out)):
        out[k] = (
            FAR[0] * (s[k + 11] + s[k + 12])
            + FAR[1] * (s[k + 10] + s[k + 13])
            + FAR[2] * (s[k + 9] + s[k + 14])
            + FAR[3] * (s[k + 8] + s[k + 15])
            + FAR[4] * (s[k + 7] + s[k + 16])
            + FAR[5] * (s[k + 6] + s[k + 17])
            + FAR[6] * (s[k + 5] + s[k + 18])
            + FAR[7] * (s[k + 4] + s[k + 19])
            + FAR[8] * (s[k + 3] + s[k + 20])
            + FAR[9] * (s[k + 2] + s[k + 21])
            + FAR[10] * (s[k + 1] + s[k + 22])
            + FAR[11] * (s[k] + s[k + 23])
        )


@inlined
def _shares(
    sums: FloatArray,
    band_sums: FloatArray,
    inverse: FloatArray,
    star: int,
    first: int,
    share: FloatArray,
) -> None:
    """Write into ``share`` (n,) the powers of a star from the ``first`` of its sums on."""
    n = len(share)
    of = slice(first, first + n)
    y_cos, y_sin = sums[0, star, of], sums[1, star, of]
    cos2, sin2 = sums[2, star, of], sums[3, star, of]
    cc, ss, cs = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    for k in range(n):
        cc[k] = HALF + HALF * cos2[k] + RIDGE
        ss[k] = HALF - HALF * cos2[k] + RIDGE
        cs[k] = HALF * sin2[k]
    for b in range(len(inverse)):
        part = inverse[b, star]
        band_cos, band_sin = band_sums[0, b, star, of], band_sums[1, b, star, of]
        for k in range(n):
            c, s = band_cos[k], band_sin[k]
            cc[k] -= c * c * part
            ss[k] -= s * s * part
            cs[k] -= c * s * part
    for k in range(n):
        yc, ys = y_cos[k], y_sin[k]
        top = ss[k] * yc * yc + cc[k] * ys * ys - TWO * cs[k] * yc * ys
        share[k] = top / (cc[k] * ss[k] - cs[k] * cs[k])


@compiled
def powers(
    sums: FloatArray,
    band_sums: FloatArray,
    inverse: FloatArray,
    margin: int,
    power: FloatArray,
    start: int,
) -> None:
    """Write into ``power`` (n_stars, n_frequencies) the shares of variance of sinusoids, 0 to 1.

    ``sums`` (4, n_stars, n) are those of weight times value times cosine and sine, and of weight
    times cosine and sine at doubled frequency; ``band_sums`` (2, n_bands, n_stars, n) those of
    weight times cosine and sine in each filter, and ``inverse`` (n_bands, n_stars) of the weights;
    no units. With a ``margin``, MARGIN, they are those of every second frequency, and of so many
    more on either side; without, 0, those of each. Columns are written from ``start`` on, as many
    as there are sums; of sums there may be more stars.
    """
    n_bands, _, size = band_sums.shape[1:]
    n = size - 2 * margin
    share, between = np.empty(n, np.float32), np.empty(n, np.float32)
    sums_between = np.empty((4, 1, n), np.float32)
    band_between = np.empty((2, n_bands, 1, n), np.float32)
    for i in range(len(power)):
        row = power[i, start:]
        _shares(sums, band_sums, inverse, i, margin, share)
        if margin == 0:
            for k in range(min(n, len(row))):
                row[k] = share[k]
            continue
        for j in range(2):
            _between(sums[j, i], sums_between[j, 0])
            _between_doubled(sums[2 + j, i], sums_between[2 + j, 0])
            for b in range(n_bands):
                _between(band_sums[j, b, i], band_between[j, b, 0])
        _shares(sums_between, band_between, inverse[:, i : i + 1], 0, 0, between)
        for k in range(min(n, len(row) // 2)):
            row[2 * k] = share[k]
            row[2 * k + 1] = between[k]
        if len(row) % 2 and len(row) < 2 * n:
            row[-1] = share[len(row) // 2]


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


@inlined
def harmonic_sums(row: FloatArray, first: int, n_harmonics: int, total: FloatArray) -> None:
    """Write into ``total`` (n,) the power of each frequency and of its harmonics, a share.

    ``row`` (n,) is the power at multiples of a step from ``first`` steps on; harmonics beyond the
    last count as its mean.
    """
    n = len(row)
    mean = np.float32(0)
    for k in range(n):
        mean += row[k]
        total[k] = row[k]
    mean /= np.float32(n)
    for h in range(2, n_harmonics + 1):
        n_known = max((n - 1 + first) // h - first + 1, 0)
        for k in range(n_known):
            total[k] += row[h * (first + k) - first]
        for k in range(n_known, n):
            total[k] += mean


@inlined
def _highest(row: FloatArray, apart: int, places: IntArray) -> None:
    """Write into ``places`` (n,) the indices of the highest maxima, highest first, -1 of none."""
    n_frequencies, n = len(row), len(places)
    heights = np.full(n, np.nan, np.float32)
    places[:] = -1
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
        while at > 0 and heights[at - 1] < value:
            heights[at], places[at] = heights[at - 1], places[at - 1]
            at -= 1
        heights[at], places[at] = value, k
        found = min(found + 1, n)
        if found == n:
            lowest = heights[n - 1]


@compiled
def strongest(power: FloatArray, apart: int, n: int) -> IntArray:
    """Indices (n_stars, n) of each row's highest maxima, highest first; -1 where there are fewer.

    ``power`` is (n_stars, n_frequencies) shares; a maximum is the highest within ``apart`` samples.
    """
    places = np.empty((len(power), n), np.int64)
    for i in range(len(power)):
        _highest(power[i], apart, places[i])
    return places


@compiled
def strongest_sums(power: FloatArray, first: int, n_harmonics: int, apart: int, n: int) -> IntArray:
    """As ``strongest``, of ``harmonic_sums`` of each row: indices (n_stars, n), no unit."""
    places = np.empty((len(power), n), np.int64)
    total = np.empty(power.shape[1], np.float32)
    for i in range(len(power)):
        harmonic_sums(power[i], first, n_harmonics, total)
        _highest(total, apart, places[i])
    return places
