"""Summary of a comparison: completeness, bias and purity."""

from dataclasses import dataclass

import numpy as np

from variables.science.completeness import crossing, offsets, shares

# By the share of the light under its PSF that is the star's own, on the reference (as fracflux).
CROWDING = {
    "all": (0.0, np.inf),
    "isolated": (0.9, np.inf),
    "crowded": (0.5, 0.9),
    "blended": (0.0, 0.5),
}
SIGMA_EDGES = np.array([0, 5, 10, 12.5, 15, 17.5, 20, 30, 50, 100, np.inf])
ANY = (-np.inf, np.inf)


@dataclass(frozen=True)
class SummaryRow:
    """One figure with its ranges of magnitude, crowding and amplitude."""

    quantity: str
    value: float
    low: float  # 68 % interval; NaN where there is none
    high: float
    n: int  # of stars or measurements that it is from
    magnitude: tuple[float, float] = ANY  # of the star on the reference
    crowding: str = "all"
    amplitude: float = np.nan  # mag
    sigma: tuple[float, float] = ANY  # expected significance of the change


@dataclass(frozen=True)
class Summary:
    """All rows of a summary, and the figures of a report's head."""

    rows: tuple[SummaryRow, ...]
    n_stars: int
    n_measurements: int  # of artificial stars on search images
    half_complete_mag: float  # half of the stars are found on the reference; NaN if never
    found_above_20_sigma: float  # share of the changes with a larger expected significance
    n_above_20_sigma: int
    false_constant: int  # constant artificial stars that changed
    n_constant: int
    survey_changed: int  # the survey's own sources that changed, real variables among them
    n_survey: int

    def of(self, quantity, **given):
        """The rows of a quantity, of one crowding or amplitude."""
        return [
            row
            for row in self.rows
            if row.quantity == quantity
            and all(getattr(row, name) == value for name, value in given.items())
        ]


def summarise(comparison, width_mag=1.0) -> Summary:
    """The Summary of a Comparison, in bins of magnitude of a width."""
    stars, epochs = comparison.on_reference, comparison.on_searches
    edges = magnitude_edges(np.append(stars["mag"], comparison.survey_mag[:0]), width_mag)
    varies = epochs["amplitude"] > 0
    constant, variable = epochs[~varies], epochs[varies]
    sigma = variable["expected_sigma"]
    large = sigma > 20
    rows = [
        *_completeness(stars, edges),
        *_biases(stars, constant, edges),
        *_change_pulls(epochs, edges),
        *_variables(variable, sigma, edges),
        *_purity(epochs, edges),
        *_rates("survey_changed", comparison.survey_mag, comparison.survey_changed, edges),
    ]
    found = shares(stars["mag"], stars["refsource_id"] > 0, edges)
    return Summary(
        rows=tuple(rows),
        n_stars=len(stars),
        n_measurements=len(epochs),
        half_complete_mag=crossing(edges, found.share),
        found_above_20_sigma=_mean(variable["is_changed"][large]),
        n_above_20_sigma=int(large.sum()),
        false_constant=int(constant["is_changed"].sum()),
        n_constant=int(constant["is_found"].sum()),
        survey_changed=int(comparison.survey_changed.sum()),
        n_survey=len(comparison.survey_changed),
    )


def magnitude_edges(magnitudes, width):
    """Edges of bins at multiples of ``width`` round all ``magnitudes``."""
    if len(magnitudes) == 0:
        return np.array([0.0, width])
    low, high = np.floor(np.min(magnitudes) / width), np.floor(np.max(magnitudes) / width) + 1
    return width * np.arange(low, high + 1)


def _mean(values):
    return float(np.mean(values)) if len(values) else np.nan


def _in_class(fracflux, crowding):
    low, high = CROWDING[crowding]
    return (fracflux >= low) & (fracflux < high)


def _share_rows(quantity, counted, edges, key="magnitude", **given):
    return [
        SummaryRow(quantity, s, low, high, int(n), **{key: _pair(edges, i)}, **given)
        for i, (n, s, low, high) in enumerate(
            zip(counted.n, counted.share, counted.low, counted.high, strict=True)
        )
        if n > 0
    ]


def _pair(edges, i):
    return float(edges[i]), float(edges[i + 1])


def _rates(quantity, magnitudes, is_true, edges, **given):
    return _share_rows(quantity, shares(magnitudes, is_true, edges), edges, **given)


def _completeness(stars, edges):
    """The share of stars found on the reference, by magnitude and crowding."""
    found = stars["refsource_id"] > 0
    for crowding in CROWDING:
        these = _in_class(stars["fracflux"], crowding)
        yield from _rates(
            "completeness", stars["mag"][these], found[these], edges, crowding=crowding
        )


def _biases(stars, constant, edges):
    """Measured minus true magnitude on the reference and of constant stars on search images."""
    sides = {
        "reference": (stars, stars["fracflux"]),
        "search": (constant, constant["reference_fracflux"]),
    }
    for side, (table, fracflux) in sides.items():
        difference = table["measured"] - table["mag"] - table["delta"]
        for crowding in CROWDING:
            these = _in_class(fracflux, crowding)
            mag = table["mag"][these]
            bias = offsets(mag, difference[these], edges)
            pull = offsets(mag, (difference / table["measured_err"])[these], edges)
            yield from _offset_rows(f"{side}_bias_mag", bias, edges, crowding)
            yield from _spread_rows(f"{side}_pull_sigma", pull, edges, crowding)


def _change_pulls(epochs, edges):
    """The sigma of measured minus true changes over the errors that both images should have."""
    difference = epochs["measured"] - epochs["reference_measured"] - epochs["delta"]
    pulls = difference / np.hypot(epochs["mag_err"], epochs["reference_err"])
    for crowding in CROWDING:
        these = _in_class(epochs["reference_fracflux"], crowding)
        counted = offsets(epochs["mag"][these], pulls[these], edges)
        yield from _spread_rows("change_pull_sigma", counted, edges, crowding)


def _offset_rows(quantity, o, edges, crowding):
    for i in np.flatnonzero(np.isfinite(o.median)):
        low, high = o.median[i] - o.error[i], o.median[i] + o.error[i]
        yield SummaryRow(
            quantity, float(o.median[i]), low, high, int(o.n[i]), _pair(edges, i), crowding
        )


def _spread_rows(quantity, o, edges, crowding):
    # The relative error of a sigma from the median absolute deviation of n: 1.17 / sqrt(n).
    for i in np.flatnonzero(np.isfinite(o.spread)):
        error = 1.17 * o.spread[i] / np.sqrt(o.n[i])
        low, high = o.spread[i] - error, o.spread[i] + error
        yield SummaryRow(
            quantity, float(o.spread[i]), low, high, int(o.n[i]), _pair(edges, i), crowding
        )


def _variables(variable, sigma, edges):
    """The share of injected changes that were found, by magnitude, amplitude and sigma.

    By sigma only of stars that are sources of the reference: the others have no forced fit.
    """
    changed = variable["is_changed"]
    for amplitude in np.unique(variable["amplitude"]):
        these = variable["amplitude"] == amplitude
        yield from _rates(
            "variables_found",
            *(variable["mag"][these], changed[these], edges),
            amplitude=float(amplitude),
        )
    for crowding in CROWDING:
        these = _in_class(variable["reference_fracflux"], crowding) & variable["is_found"]
        counted = shares(sigma[these], changed[these], SIGMA_EDGES)
        yield from _share_rows(
            "variables_found", counted, SIGMA_EDGES, key="sigma", crowding=crowding
        )


def _purity(epochs, edges):
    """The share of injected changes among those found, and constant stars that changed."""
    varies = epochs["amplitude"] > 0
    changed = epochs["is_changed"]
    yield from _rates("purity", epochs["mag"][changed], varies[changed], edges)
    constant = ~varies & epochs["is_found"]
    yield from _rates("constant_changed", epochs["mag"][constant], changed[constant], edges)
