"""The columns of exported sources and of what is nested in them: types, units, UCDs, meanings."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from django.db import models

from photometry.models import GalMotion, GalNonDetection, GalSource
from photometry.querysets.objects import MatchKind
from photometry.storage.columns import NUMPY_TYPES
from variables.models import GalCandidate, GalPeriod, GalVariability
from variables.models.variability import MAX_TRENDS

FORMAT = 2  # of columns and files; pixels of another are written anew
LIGHT_CURVE, NON_DETECTIONS = "lightcurve", "nondetections"
PERIODS, MATCHES = "periods", "matches"
CELL = "_healpix_29"


@dataclass(frozen=True)
class ExportColumn:
    """A column: an Arrow type, a unit by the VOUnit standard, a UCD1+, and its meaning."""

    name: str
    type: pa.DataType
    unit: str
    ucd: str
    description: str

    @property
    def metadata(self) -> dict[str, str]:
        """What the schema says of it."""
        said = {"unit": self.unit, "ucd": self.ucd, "description": self.description}
        return {key: value for key, value in said.items() if value}

    @property
    def field(self) -> pa.Field:
        """It in a table."""
        return pa.field(self.name, self.type, metadata=self.metadata)

    def list_field(self, has_nulls: bool) -> pa.Field:
        """It in a nested table, whose columns are lists."""
        lists = pa.list_(pa.field("element", self.type, has_nulls))
        return pa.field(self.name, lists, has_nulls, self.metadata)


# Of columns whose names say it everywhere.
UNITS_AND_UCDS = {
    "mag": ("mag", "phot.mag"),
    "mag_err": ("mag", "stat.error;phot.mag"),
    "flux": ("adu", "phot.count"),
    "flux_err": ("adu", "stat.error;phot.count"),
    "flags": ("", "meta.code.qual"),
    "limit_mag": ("mag", "phot.mag;stat.max"),
    "mean_mag": ("mag", "phot.mag;stat.mean"),
    "robust_mag": ("mag", "phot.mag;stat.mean"),
    "sigma_mad": ("mag", "stat.stdev;phot.mag"),
    "iqr_mag": ("mag", "stat.value;phot.mag"),
    "range_mag": ("mag", "src.var.amplitude"),
    "excess_mag": ("mag", "stat.stdev;phot.mag"),
    "excess_err": ("mag", "stat.error;phot.mag"),
    "deviation_mag": ("mag", "phot.mag;arith.diff"),
    "deviation_sigma": ("", "stat.snr"),
    "chi2_nu": ("", "stat.fit.chi2"),
    "skewness": ("", "stat.param"),
    "stetson_j": ("", "src.var.index"),
    "stetson_k": ("", "src.var.index"),
    "von_neumann": ("", "src.var.index"),
    "slope_mag": ("mag/yr", "arith.rate;phot.mag"),
    "slope_err": ("mag/yr", "stat.error;phot.mag"),
    "false_alarm": ("", "stat.probability"),
    "n_epochs": ("", "meta.number;obs"),
    "measured_sigma_mad": ("mag", "stat.stdev;phot.mag"),
    "measured_range_mag": ("mag", "src.var.amplitude"),
    "measured_chi2_nu": ("", "stat.fit.chi2"),
    "measured_excess_mag": ("mag", "stat.stdev;phot.mag"),
    "followed_share": ("", "stat.value"),
    "neighbour_correlation": ("", "stat.correlation"),
    "pm_ra": ("mas/yr", "pos.pm;pos.eq.ra"),
    "pm_dec": ("mas/yr", "pos.pm;pos.eq.dec"),
    "pm_ra_err": ("mas/yr", "stat.error;pos.pm;pos.eq.ra"),
    "pm_dec_err": ("mas/yr", "stat.error;pos.pm;pos.eq.dec"),
    "days": ("d", "src.var;time.period"),
    "error_days": ("d", "stat.error;time.period"),
    "power": ("", "stat.value"),
    "n_cycles": ("", "meta.number"),
    "amplitude_mag": ("mag", "src.var.amplitude"),
    "r21": ("", "stat.fourier;arith.ratio"),
    "phi21": ("rad", "pos.phaseAng;stat.fourier"),
    "r31": ("", "stat.fourier;arith.ratio"),
    "phi31": ("rad", "pos.phaseAng;stat.fourier"),
    "rank": ("", "meta.code"),
    "n_harmonics": ("", "meta.number;stat.fourier"),
    "alias": ("", "meta.code"),
    "alias_of": ("", "meta.code"),
    "n_filters": ("", "meta.number;instr.filter"),
}
ARROW = {
    "i8": pa.int64(),
    "i4": pa.int32(),
    "i2": pa.int16(),
    "f8": pa.float64(),
    "f4": pa.float32(),
    "?": pa.bool_(),
}


def _of_model(model: type[models.Model], names: Iterable[str], prefix: str = ""):
    """Columns that a table has, as its model describes them."""
    for name in names:
        field = model._meta.get_field(name)
        unit, ucd = UNITS_AND_UCDS[name]
        said = str(field.help_text or field.verbose_name)
        yield ExportColumn(prefix + name, ARROW[NUMPY_TYPES[type(field)]], unit, ucd, said)


def _names_of(model: type[models.Model], without: Iterable[str]) -> list[str]:
    left_out = {"pk", "refsource_id", *without}
    return [field.name for field in model._meta.local_fields if field.name not in left_out]


def _kinds() -> str:
    return "of the star's sources: " + ", ".join(f"{one.value}: {one.label}" for one in MatchKind)


VARIABILITY_NAMES = _names_of(GalVariability, ("flags",))
TREND_NAMES = [f"trend_{number}" for number in range(1, MAX_TRENDS + 1)]
MOTION_NAMES = ["pm_ra", "pm_dec", "pm_ra_err", "pm_dec_err"]
PERIOD_NAMES = _names_of(GalPeriod, ())
CANDIDATE_TEXTS = ("kind", "cause", "known", "known_class", "known_name")

IMAGE_COLUMN = ExportColumn(
    "image_id", pa.int64(), "", "meta.id;obs.image", "of the image; images.parquet has it"
)
MJD_COLUMN = ExportColumn(
    "mjd", pa.float64(), "d", "time.epoch;obs.exposure", "UTC, middle of the exposure"
)
GOOD_COLUMN = ExportColumn(
    "is_good", pa.bool_(), "", "meta.code.qual", "counts for statistics of variability"
)
MEASURED = ("mag", "mag_err", "flux", "flux_err", "flags")
MISSED = ("flux", "flux_err", "limit_mag", "flags")

NESTED: dict[str, list[ExportColumn]] = {
    LIGHT_CURVE: [MJD_COLUMN, *_of_model(GalSource, MEASURED), GOOD_COLUMN, IMAGE_COLUMN],
    NON_DETECTIONS: [MJD_COLUMN, *_of_model(GalNonDetection, MISSED), GOOD_COLUMN, IMAGE_COLUMN],
    PERIODS: list(_of_model(GalPeriod, PERIOD_NAMES)),
    MATCHES: [
        ExportColumn("published", pa.string(), "", "meta.id;meta.dataset", "published catalogue"),
        ExportColumn("state", pa.string(), "", "meta.code", "what is said of the source"),
        ExportColumn("rank", pa.int16(), "", "meta.code", "1: best, 2: next best"),
        ExportColumn("star_id", pa.int64(), "", "meta.id", "in this database; null: none"),
        ExportColumn("separation", pa.float32(), "arcsec", "pos.angDistance", "at our epoch"),
        ExportColumn(
            "probability", pa.float32(), "", "stat.probability", "that the source is this star"
        ),
    ],
}
SAID = "of the candidate; null where it is none"
FLAT: list[ExportColumn] = [
    ExportColumn(CELL, pa.int64(), "", "pos.healpix", "HEALPix cell of order 29, nested"),
    ExportColumn("source_id", pa.int64(), "", "meta.id;meta.main", "of the reference source"),
    ExportColumn(
        "object_id", pa.int64(), "", "meta.id;src", "the star, the same in all filters; null: none"
    ),
    ExportColumn("object_kind", pa.int16(), "", "meta.code", _kinds()),
    ExportColumn("catalogue_id", pa.int32(), "", "meta.id", "reference catalogue of the source"),
    ExportColumn("filter", pa.string(), "", "meta.id;instr.filter", "of all its measurements"),
    ExportColumn("ra", pa.float64(), "deg", "pos.eq.ra;meta.main", "ICRS"),
    ExportColumn("dec", pa.float64(), "deg", "pos.eq.dec;meta.main", "ICRS"),
    ExportColumn("is_new", pa.bool_(), "", "meta.code", "missing on the reference image"),
    ExportColumn(
        "reference_mag", pa.float32(), "mag", "phot.mag", "by the reference image, or its set"
    ),
    *_of_model(GalMotion, MOTION_NAMES),
    *_of_model(GalVariability, VARIABILITY_NAMES),
    ExportColumn(
        "variability_flags",
        pa.int16(),
        "",
        "meta.code.qual",
        GalVariability._meta.get_field("flags").help_text,
    ),
    *(
        ExportColumn(name, pa.float32(), "", "stat.param", f"how much it follows trend {number}")
        for number, name in enumerate(TREND_NAMES, 1)
    ),
    ExportColumn("period_days", pa.float64(), "d", "src.var;time.period", "the likeliest"),
    ExportColumn(
        "period_false_alarm",
        pa.float32(),
        "",
        "stat.probability",
        GalPeriod._meta.get_field("false_alarm").help_text,
    ),
    *(
        ExportColumn(
            f"candidate_{name}" if name in ("kind", "cause") else name,
            pa.string(),
            "",
            "src.class" if name == "known_class" else "meta.code",
            str(GalCandidate._meta.get_field(name).help_text or SAID),
        )
        for name in CANDIDATE_TEXTS
    ),
    ExportColumn("n_detections", pa.int32(), "", "meta.number", "changes that passed all cuts"),
    ExportColumn("varies", pa.bool_(), "", "src.var", "by its statistics over all epochs"),
    ExportColumn("is_flagged", pa.bool_(), "", "meta.code.qual", "hidden by flags that stand"),
    ExportColumn(
        "class", pa.string(), "", "src.class", "that people agree on; null where votes are blind"
    ),
]


def schema(metadata: dict[str, str] | None = None) -> pa.Schema:
    """The schema of a pixel's file."""
    nested = (nested_field(name) for name in NESTED)
    return pa.schema([*(column.field for column in FLAT), *nested], metadata)


def nested_field(name: str) -> pa.Field:
    """A nested table as a column.

    Measurements have no nulls, and the schema says so: they are read in two thirds of the time.
    """
    has_nulls = name not in (LIGHT_CURVE, NON_DETECTIONS)
    lists = [column.list_field(has_nulls) for column in NESTED[name]]
    return pa.field(name, pa.struct(lists), has_nulls)
