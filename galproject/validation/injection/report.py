"""A summary as tables in the terminal, and as files of all rows."""

import numpy as np
from astropy import units
from astropy.table import Table

from exposures.errors import GalprojectError
from galproject.validation.injection.summary import CROWDING

COLUMNS = (
    *("quantity", "magnitude_from", "magnitude_to", "crowding", "amplitude"),
    *("sigma_from", "sigma_to", "n", "value", "low", "high"),
)


def summary_rows(summary):
    """The rows of a Summary as a table: the column names, then tuples."""
    yield COLUMNS
    for r in summary.rows:
        cells = (r.quantity, *r.magnitude, r.crowding, r.amplitude, *r.sigma)
        cells += (r.n, r.value, r.low, r.high)
        yield tuple(_cell(cell) for cell in cells)


def _cell(value):
    """A cell of a table; empty for NaN and infinity."""
    if isinstance(value, str | int):
        return value
    return float(value) if np.isfinite(value) else ""


def write_stars(comparison, path):
    """Write every artificial star on every image as ECSV. Raises GalprojectError."""
    table = Table(
        comparison.on_searches if len(comparison.on_searches) else comparison.on_reference
    )
    for name, unit in {
        **dict.fromkeys(("ra", "dec"), units.deg),
        **dict.fromkeys(("x", "y"), units.pix),
        **dict.fromkeys(("mag", "amplitude", "delta", "mag_err"), units.mag),
        **dict.fromkeys(("measured", "measured_err", "reference_err"), units.mag),
        "reference_measured": units.mag,
    }.items():
        if name in table.colnames:
            table[name].unit = unit
            table[name].info.format = ".6f" if unit is units.deg else ".4f"
    try:
        table.write(path, format="ascii.ecsv", overwrite=True)
    except OSError as error:
        raise GalprojectError(f"{path} can't be written: {error.strerror}") from error


def lines(summary):
    """The lines of the report."""
    s = summary
    yield f"{s.n_stars:,} artificial stars, {s.n_measurements:,} times on search images"
    yield ""
    yield from _star_lines(s)
    if s.n_measurements:
        yield ""
        yield from _variable_lines(s)
        yield ""
        yield from _false_lines(s)
    yield ""
    yield from _headlines(s)


def _star_lines(summary):
    yield "Found on the reference, and magnitudes measured minus true (mmag; sigma of the pulls)"
    yield (
        "  mag          "
        + "".join(f"{name:>10}" for name in CROWDING)
        + (f"{'reference':>18}{'search':>18}{'pulls':>8}")
    )
    for row in summary.of("completeness", crowding="all"):
        found = [_percent(_one(summary, "completeness", row, crowding=c)) for c in CROWDING]
        biases = [_mmag(_one(summary, f"{side}_bias_mag", row)) for side in ("reference", "search")]
        pull = _one(summary, "search_pull_sigma", row)
        yield (
            f"  {_range(row)}"
            + "".join(f"{cell:>10}" for cell in found)
            + (f"{biases[0]:>18}{biases[1]:>18}{f'{pull.value:.2f}' if pull else '-':>8}")
        )


def _variable_lines(summary):
    rows = [r for r in summary.of("variables_found") if np.isfinite(r.amplitude)]
    amplitudes = sorted({row.amplitude for row in rows})
    yield "Changes found, by magnitude and amplitude (mag)"
    yield "  mag          " + "".join(f"{amplitude:>10g}" for amplitude in amplitudes)
    for pair in sorted({row.magnitude for row in rows}):
        cells = [
            _percent(next((r for r in rows if (r.magnitude, r.amplitude) == (pair, a)), None))
            for a in amplitudes
        ]
        yield f"  {pair[0]:5.1f} - {pair[1]:5.1f}" + "".join(f"{cell:>10}" for cell in cells)
    yield ""
    yield "Changes found of stars on the reference, by the significance that they should have"
    yield "  sigma        " + "".join(f"{name:>10}" for name in CROWDING)
    for row in _by_sigma(summary, "all"):
        cells = [
            _percent(next((r for r in _by_sigma(summary, c) if r.sigma == row.sigma), None))
            for c in CROWDING
        ]
        yield f"  {row.sigma[0]:5g} - {row.sigma[1]:5g}" + "".join(f"{c:>10}" for c in cells)


def _by_sigma(summary, crowding):
    return [r for r in summary.of("variables_found", crowding=crowding) if r.sigma[0] >= 0]


def _false_lines(summary):
    yield "Purity of changes at artificial stars, and what should not have changed"
    yield f"  mag          {'purity':>10}{'constant stars':>20}{'own sources in 10,000':>26}"
    for row in summary.of("completeness", crowding="all"):
        purity = _percent(_one(summary, "purity", row))
        constant = _one(summary, "constant_changed", row)
        own = _one(summary, "survey_changed", row)
        of_constant = f"{round(constant.value * constant.n)} of {constant.n}" if constant else "-"
        of_own = f"{1e4 * own.value:.2f} of {own.n:,}" if own else "-"
        yield f"  {_range(row)}{purity:>10}{of_constant:>20}{of_own:>26}"


def _headlines(summary):
    s = summary
    if np.isfinite(s.half_complete_mag):
        yield f"Half of the stars of {s.half_complete_mag:.2f} mag are found on the reference."
    if s.n_above_20_sigma:
        yield (
            f"Of {s.n_above_20_sigma} changes of more than 20 sigma "
            f"{s.found_above_20_sigma:.1%} are found."
        )
    if s.n_constant:
        yield f"Of {s.n_constant} measurements of constant stars {s.false_constant} changed."
    if s.n_survey:
        yield (
            f"Of {s.n_survey:,} measurements of the survey's own sources {s.survey_changed} "
            f"changed ({1e4 * s.survey_changed / s.n_survey:.2f} in 10,000), "
            "real variables among them."
        )


def _one(summary, quantity, row, crowding="all"):
    """The row of another quantity in the same magnitude bin, or None."""
    rows = summary.of(quantity, magnitude=row.magnitude, crowding=crowding)
    return rows[0] if rows else None


def _range(row):
    return f"{row.magnitude[0]:5.1f} - {row.magnitude[1]:5.1f}"


def _percent(row):
    return "-" if row is None else f"{row.value:.0%} ({row.n})"


def _mmag(row):
    if row is None:
        return "-"
    return f"{1000 * row.value:+.1f} ± {1000 * (row.high - row.value):.1f}"
