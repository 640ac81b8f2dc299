"""The columns of the API's tables, typed by their serializers and not by values."""

from datetime import datetime
from types import NoneType
from typing import get_args, get_type_hints

from rest_framework import serializers

from exposures.tables import ColumnKind, TableColumn

UNITS = {
    **dict.fromkeys(("ra", "dec"), "deg"),
    **dict.fromkeys(("mjd", "bjd_tdb", "first_mjd", "last_mjd"), "d"),
    **dict.fromkeys(("x", "y", "width", "height"), "pix"),
    **dict.fromkeys(("mag", "mag_err", "limit_mag", "reference_mag", "mean_mag"), "mag"),
    **dict.fromkeys(("rms_mag", "amplitude_mag", "max_delta_mag", "mean_delta_mag"), "mag"),
    **dict.fromkeys(("zero_point", "zero_point_error", "trend_mag"), "mag"),
    **dict.fromkeys(("mag_cal", "mag_cal_err", "colour_mag", "absolute_mag"), "mag"),
    **dict.fromkeys(("flux", "flux_err", "sky", "sky_noise"), "adu"),
    **dict.fromkeys(("distance_arcsec", "fwhm_arcsec"), "arcsec"),
    "known_period": "d",
    "astrometric_rms_mas": "mas",
    "exposure_seconds": "s",
}
# What columns of positions and light curves are, in the words of the Virtual Observatory.
UCDS = {
    "refsource_id": "meta.id;meta.main",
    "galimage_id": "meta.id;meta.dataset",
    "filter": "meta.id;instr.filter",
    "mjd": "time.epoch;obs.exposure",
    "bjd_tdb": "time.epoch;meta.main",
    "kind": "meta.code",
    "ra": "pos.eq.ra;meta.main",
    "dec": "pos.eq.dec;meta.main",
    "mag": "phot.mag;meta.main",
    "mag_err": "stat.error;phot.mag;meta.main",
    "limit_mag": "phot.mag;stat.max",
    "flux": "phot.flux",
    "flux_err": "stat.error;phot.flux",
    "rchi2": "stat.fit.chi2",
    "fracflux": "phot.flux;arith.ratio",
    "quality": "meta.code.qual",
    "flags": "meta.code.qual;instr.pixel",
    "is_reference": "meta.code",
    "trend_mag": "phot.mag;arith.diff",
    "mag_cal": "phot.mag;phot.calib",
    "mag_cal_err": "stat.error.sys;phot.mag",
    "mag_cal_by": "meta.ref;phot.calib",
    "distance_arcsec": "pos.angDistance",
}
SYSTEMS = {"ra": "icrs", "dec": "icrs", "mjd": "utc_mjd", "bjd_tdb": "tdb_barycentre"}


class SingleField(serializers.FloatField):
    """A single-precision number."""


# The first that a field is of.
KINDS = {
    SingleField: ColumnKind.SINGLE,
    serializers.FloatField: ColumnKind.DOUBLE,
    serializers.BooleanField: ColumnKind.BOOLEAN,
    serializers.IntegerField: ColumnKind.INTEGER,
    serializers.PrimaryKeyRelatedField: ColumnKind.INTEGER,
    serializers.DateTimeField: ColumnKind.TIME,
    serializers.ListField: ColumnKind.NUMBERS,
    serializers.BaseSerializer: ColumnKind.JSON,
    serializers.JSONField: ColumnKind.JSON,
}
RETURNED = {float: ColumnKind.DOUBLE, int: ColumnKind.INTEGER, bool: ColumnKind.BOOLEAN}


def columns_of(serializer) -> list[TableColumn]:
    """A TableColumn for each field of a serializer, in their order."""
    return [
        TableColumn(
            name,
            _kind(field),
            UNITS.get(name, ""),
            str(field.help_text or ""),
            UCDS.get(name, ""),
            SYSTEMS.get(name, ""),
        )
        for name, field in serializer.fields.items()
        if not field.write_only
    ]


def _kind(field):
    if isinstance(field, serializers.SerializerMethodField):
        return _returned(getattr(field.parent, field.method_name))
    if isinstance(field, serializers.ListField) and not isinstance(
        field.child, serializers.FloatField
    ):
        return ColumnKind.JSON
    if isinstance(field, serializers.ChoiceField) and all(
        isinstance(choice, int) for choice in field.choices
    ):
        return ColumnKind.INTEGER
    return next((kind for of, kind in KINDS.items() if isinstance(field, of)), ColumnKind.TEXT)


def _returned(method):
    """The kind of column for a method's annotated return type, which may include None."""
    returned = get_type_hints(method)["return"]
    types = [t for t in get_args(returned) or [returned] if t is not NoneType]
    return RETURNED.get(types[0], ColumnKind.TEXT)


def row_of(columns, represented):
    """A row of a serializer as a tuple in order of ``columns``, with times as datetimes."""
    values = (represented.get(column.name) for column in columns)
    return tuple(
        datetime.fromisoformat(value) if column.kind is ColumnKind.TIME and value else value
        for column, value in zip(columns, values, strict=True)
    )
