"""The columns of the API's tables: what is in them, and in which unit."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from astropy.table import Column, MaskedColumn, Table

# Of light curves, in their order: the type, the unit and, as the server says it, the meaning.
MEASUREMENT = {
    "refsource_id": ("i8", "", "the source in the catalogue of a reference"),
    "galimage_id": ("i8", "", "the image it was measured on"),
    "filter": ("U", "", "of the image"),
    "mjd": ("f8", "d", "UTC, middle of the exposure"),
    "bjd_tdb": ("f8", "d", "the same moment at the barycentre, TDB"),
    "kind": ("U", "", "detection, non-detection or unmeasured"),
    "ra": ("f8", "deg", "ICRS"),
    "dec": ("f8", "deg", "ICRS"),
    "mag": ("f4", "mag", "null where not detected"),
    "mag_err": ("f4", "mag", "one sigma"),
    "limit_mag": ("f4", "mag", "upper limit where not detected"),
    "flux": ("f4", "adu", "ADU"),
    "flux_err": ("f4", "adu", "ADU, as fitted"),
    "rchi2": ("f4", "", "reduced chi2 of the fit"),
    "fracflux": ("f4", "", "share of the light in the PSF that is the star's own"),
    "quality": ("f4", "", "share of the PSF on usable pixels"),
    "flags": ("i8", "", "mask bits"),
    "is_reference": ("?", "", "measured on the reference image itself"),
    "trend_mag": (
        "f4",
        "mag",
        "of trends that stars share, taken off mag; null: mag is as measured",
    ),
    "mag_cal": (
        "f4",
        "mag",
        "mag in a published band; null: the reference has no absolute zero point",
    ),
    "mag_cal_err": (
        "f4",
        "mag",
        "by which all mag_cal of the source are uncertain alike, beside mag_err",
    ),
    "mag_cal_by": ("U", "", "band, published catalogue and photometric system of mag_cal"),
}
OF_CONE = {**MEASUREMENT, "distance_arcsec": ("f8", "arcsec", "from the centre of the cone")}
# Of other tables, where their columns are known; all others have the type of their values.
UNITS = {
    **dict.fromkeys(("ra", "dec"), "deg"),
    **dict.fromkeys(("mjd", "first_mjd", "last_mjd", "period_days", "known_period"), "d"),
    **dict.fromkeys(("period_err", "agreed_period_days", "agreed_period_err"), "d"),
    **dict.fromkeys(("x", "y", "width", "height"), "pix"),
    **dict.fromkeys(("reference_mag", "mean_mag", "rms_mag", "amplitude_mag"), "mag"),
    **dict.fromkeys(("max_delta_mag", "mean_delta_mag", "excess_mag"), "mag"),
    **dict.fromkeys(("mag", "mag_cal", "mag_cal_err", "colour_mag", "absolute_mag"), "mag"),
    **dict.fromkeys(("zero_point", "zero_point_error"), "mag"),
    **dict.fromkeys(("distance_arcsec", "fwhm_arcsec"), "arcsec"),
    **dict.fromkeys(("sky", "sky_noise"), "adu"),
    "astrometric_rms_mas": "mas",
    "exposure_seconds": "s",
}
Rows = list[dict[str, Any]]


def measurements_table(rows: Rows) -> Table:
    """Rows of light curves with the same types whatever is in them, also if there are none.

    Where a number is unknown it is NaN.
    """
    known = OF_CONE if rows and "distance_arcsec" in rows[0] else MEASUREMENT
    table = Table()
    for name, (kind, unit, meaning) in known.items():
        values = [row.get(name) for row in rows]
        data = np.array([_or_filler(kind, value) for value in values], kind)
        table[name] = Column(data, unit=unit or None, description=meaning)
    return table


def _or_filler(kind: str, value: Any) -> Any:
    if value is not None:
        return value
    return np.nan if kind[0] == "f" else ""


def table_of(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Rows of any table: numbers and texts by their values, unknown ones masked."""
    rows = list(rows)
    names = list(rows[0]) if rows else []
    return Table({name: _column(name, [row[name] for row in rows]) for name in names}, masked=False)


def _column(name: str, values: list[Any]) -> Column:
    """A column of the type that all values have; nested ones stay what they are."""
    is_unknown = np.array([value is None for value in values])
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and (float in kinds or not kinds):
        data = np.array([np.nan if value is None else value for value in values], "f8")
        return Column(data, unit=UNITS.get(name))
    if kinds in ({int}, {bool}):
        (kind,) = kinds
        data = np.array([kind() if value is None else value for value in values])
    elif kinds == {str}:
        data = np.array([value or "" for value in values])
    else:
        data = np.empty(len(values), object)
        data[:] = values
    unit = UNITS.get(name)
    return (
        MaskedColumn(data, mask=is_unknown, unit=unit)
        if is_unknown.any()
        else Column(data, unit=unit)
    )
