"""The columns of cone searches: what each is, and from which verbosity on it is given."""

from dataclasses import dataclass

from exposures.tables import ColumnKind, TableColumn

# The unit of fluxes, ADU, is none to the version of VOTable that cone searches have.
INTEGER, SINGLE, DOUBLE = ColumnKind.INTEGER, ColumnKind.SINGLE, ColumnKind.DOUBLE
TEXT, ASCII, BOOLEAN = ColumnKind.TEXT, ColumnKind.ASCII, ColumnKind.BOOLEAN


@dataclass(frozen=True)
class ConeColumn(TableColumn):
    """A column of a cone search."""

    verbosity: int = 1


def place_of(thing) -> list[ConeColumn]:
    """The three columns that every cone search has; their UCDs are those of its standard."""
    return [
        ConeColumn("id", ASCII, "", f"of the {thing}", "ID_MAIN"),
        ConeColumn("ra", DOUBLE, "deg", "ICRS", "POS_EQ_RA_MAIN", "icrs"),
        ConeColumn("dec", DOUBLE, "deg", "ICRS", "POS_EQ_DEC_MAIN", "icrs"),
    ]


DISTANCE = ConeColumn(
    *("distance_arcsec", DOUBLE, "arcsec", "from the centre of the cone", "pos.angDistance"),
    verbosity=2,
)
LIGHT_CURVE = ConeColumn(
    *("light_curve", ASCII, "", "address of its light curve as a VOTable", "meta.ref.url"),
    verbosity=2,
)
OBJECT = ConeColumn(
    *("object_id", INTEGER, "", "the star in all filters", "meta.id.assoc"), verbosity=2
)
FILTER = ConeColumn("filter", TEXT, "", "of the image", "meta.id;instr.filter")

SOURCES = [
    *place_of("source"),
    FILTER,
    ConeColumn("mag", SINGLE, "mag", "on the reference image", "phot.mag"),
    ConeColumn("mag_err", SINGLE, "mag", "one sigma", "stat.error;phot.mag", verbosity=2),
    OBJECT,
    DISTANCE,
    LIGHT_CURVE,
    ConeColumn("galimage_id", INTEGER, "", "the reference image", "meta.id", verbosity=3),
    ConeColumn("flux", SINGLE, "", "ADU, as fitted", "phot.flux", verbosity=3),
    ConeColumn("flux_err", SINGLE, "", "ADU, as fitted", "stat.error;phot.flux", verbosity=3),
    ConeColumn("rchi2", SINGLE, "", "reduced chi2 of the fit", "stat.fit.chi2", verbosity=3),
    ConeColumn(
        *("fracflux", SINGLE, "", "share of the light in the PSF that is the star's own"),
        *("phot.flux;arith.ratio",),
        verbosity=3,
    ),
    ConeColumn(
        *("quality", SINGLE, "", "share of the PSF on usable pixels", "meta.code.qual"),
        verbosity=3,
    ),
    ConeColumn("flags", INTEGER, "", "mask bits", "meta.code.qual", verbosity=3),
]
OBJECTS = [
    *place_of("object"),
    ConeColumn("kind", INTEGER, "", "how its sources match", "meta.code", verbosity=2),
    ConeColumn("n_sources", INTEGER, "", "in all filters", "meta.number", verbosity=2),
    ConeColumn("n_filters", INTEGER, "", "in which it has sources", "meta.number", verbosity=2),
    DISTANCE,
    LIGHT_CURVE,
]
CANDIDATES = [
    *place_of("candidate"),
    FILTER,
    ConeColumn("reference_mag", DOUBLE, "mag", "on the reference image", "phot.mag"),
    ConeColumn("n_epochs", INTEGER, "", "images on which it was looked for", "meta.number"),
    ConeColumn(
        *("n_detections", INTEGER, "", "of changes that passed the cuts", "meta.number"),
        verbosity=2,
    ),
    ConeColumn(
        *("varies", BOOLEAN, "", "by its statistics over all epochs", "meta.code;src.var"),
        verbosity=2,
    ),
    ConeColumn(
        *("amplitude_mag", DOUBLE, "mag", "from the 5th to the 95th percentile"),
        *("phot.mag;src.var.amplitude",),
        verbosity=2,
    ),
    ConeColumn(
        *("period_days", DOUBLE, "d", "the likeliest; null: none is certain"),
        *("time.period;src.var",),
        verbosity=2,
    ),
    ConeColumn("period_err", DOUBLE, "d", "one sigma", "stat.error;time.period", verbosity=2),
    OBJECT,
    DISTANCE,
    LIGHT_CURVE,
    ConeColumn(
        *("false_alarm", DOUBLE, "", "share of constant stars that seem to vary as much"),
        *("stat.probability;src.var",),
        verbosity=3,
    ),
    ConeColumn(
        *("excess_mag", DOUBLE, "mag", "scatter beyond the errors", "phot.mag;src.var"),
        verbosity=3,
    ),
    ConeColumn("mean_mag", DOUBLE, "mag", "weighted", "phot.mag;stat.mean", verbosity=3),
    ConeColumn("rms_mag", DOUBLE, "mag", "scatter", "phot.mag;stat.stdev", verbosity=3),
    ConeColumn("first_mjd", DOUBLE, "d", "of its detections, UTC", "time.start", verbosity=3),
    ConeColumn("last_mjd", DOUBLE, "d", "of its detections, UTC", "time.end", verbosity=3),
    ConeColumn(
        *("colour_mag", DOUBLE, "mag", "of the published star that it is", "phot.color"),
        verbosity=3,
    ),
    ConeColumn(
        *("absolute_mag", DOUBLE, "mag", "by the published parallax, without extinction"),
        *("phys.magAbs",),
        verbosity=3,
    ),
    ConeColumn("known_class", TEXT, "", "as published", "meta.code.class;src.var", verbosity=3),
    ConeColumn("known_name", TEXT, "", "as published", "meta.id.cross", verbosity=3),
    ConeColumn("known_period", DOUBLE, "d", "as published", "time.period", verbosity=3),
]


def of_verbosity(columns, verbosity) -> list[ConeColumn]:
    """The columns that a verbosity has."""
    return [column for column in columns if column.verbosity <= verbosity]
