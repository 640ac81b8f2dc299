"""The columns of candidates that lists and exports show."""

from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True)
class Column:
    """A column of galcandidates."""

    name: str  # of the model's field, or a path from it
    heading: str  # of lists
    meaning: str
    unit: str = ""  # as VOTables have it
    digits: int | None = None  # after the decimal point
    is_listed: bool = False
    is_minor: bool = False  # left out of lists on narrow screens

    @property
    def key(self):
        """Its name in exports."""
        return self.name.replace("__slug", "").replace("__", "_")

    @property
    def is_number(self):
        return self.digits is not None or self.name.startswith(("n_", "star_"))

    @property
    def css(self):
        """Classes of its cells in lists."""
        return " ".join(["number"] * self.is_number + ["minor"] * self.is_minor)


# By topic, in the order of exports.
TOPICS = {
    "source and place": (
        Column("refsource_id", "source", "id of the reference source"),
        Column(
            "kind", "kind", "changed; new: not on the reference; or varies over all epochs alone"
        ),
        Column("ra", "RA", "right ascension, ICRS", "deg", 6),
        Column("dec", "Dec", "declination, ICRS", "deg", 6),
        Column("filter", "filter", "filter of the reference image", is_listed=True),
        Column("ccdnum", "chip", "number of the detector", is_listed=True, is_minor=True),
        Column("x", "x", "column on the reference image, from 0", "pix", 1),
        Column("y", "y", "row on the reference image, from 0", "pix", 1),
        Column(
            "reference_mag",
            "mag",
            "magnitude on the reference image, or by all images of its set",
            "mag",
            2,
            True,
        ),
    ),
    "detections": (
        Column("n_detections", "detections", "images on which it was detected", is_listed=True),
        Column(
            "n_changes",
            "changes",
            "changes by more than the threshold",
            is_listed=True,
            is_minor=True,
        ),
        Column(
            "star_detections",
            "star detections",
            "images on which any source of the star was detected",
        ),
        Column("star_changes", "star changes", "images on which any source of the star changed"),
        Column("star_sources", "sources", "candidates that are the same star"),
        Column(
            "n_epochs",
            "epochs",
            "images on which it was looked for, detected or not",
            is_listed=True,
            is_minor=True,
        ),
        Column("n_non_detections", "not detected", "images on which it was not detected"),
    ),
    "changes": (
        Column("max_delta_mag", "largest", "largest change, with its sign", "mag", 2, True),
        Column("mean_delta_mag", "mean change", "mean change", "mag", 3),
        Column("max_significance", "sigma", "largest significance", "", 0, True),
        Column("has_vanished", "vanished", "without positive flux on an image"),
        Column("first_mjd", "first", "first detection, MJD (UTC)", "d", 5),
        Column("last_mjd", "last", "last detection, MJD (UTC)", "d", 5, True),
    ),
    "light curve": (
        Column("mean_mag", "mean mag", "weighted mean magnitude", "mag", 3),
        Column("rms_mag", "rms", "scatter of the magnitudes", "mag", 3, True, True),
        Column("amplitude_mag", "amplitude", "5th to 95th percentile", "mag", 3),
        Column("chi2_nu", "chi2/nu", "against a constant magnitude", "", 1),
        Column(
            "von_neumann",
            "η",
            "von Neumann: successive differences over the variance",
            "",
            2,
            True,
            True,
        ),
        Column("skewness", "skewness", "of the magnitudes", "", 2),
        Column("varies", "varies", "by its statistics over all epochs"),
        Column("false_alarm", "false alarm", "share of constant stars that seem to vary as much"),
        Column("excess_mag", "excess", "scatter beyond the errors, over all epochs", "mag", 3),
    ),
    "period": (
        Column("period_days", "period", "likeliest period, where one is certain", "d", 6),
        Column("period_err", "period error", "of that period", "d", 6),
    ),
    "published colour": (
        Column("colour_mag", "colour", "published, such as Gaia's BP - RP", "mag", 3),
        Column(
            "absolute_mag",
            "absolute",
            "absolute magnitude in the published main band, by its parallax; without extinction",
            "mag",
            2,
        ),
    ),
    "known variable": (
        Column(
            "known",
            "known",
            "known, new, cant-be-told or not-looked-up, by published catalogues of variable stars",
            is_listed=True,
        ),
        Column("known_possible", "possible", "published variables that it may be, if not told"),
        Column("known_class", "known class", "class of variability, as published"),
        Column("known_name", "known name", "name of the published variable, or else of an object"),
        Column("known_period", "known period", "period, as published", "d", 6),
        Column(
            "period_agreement",
            "agreement",
            "of its period with the published one: agrees, 2:1, 1:2, alias, differs, or none",
        ),
    ),
    "doubts": (
        Column("failed_cuts", "failed cuts", "bits of the cuts that any change failed"),
        Column("cause", "cause", "what has probably made the changes", is_listed=True),
        Column("is_flagged", "flagged", "hidden by a flag"),
    ),
    "votes": (
        Column("consensus__slug", "class", "class that people agree on", is_listed=True),
        Column("n_votes", "votes", "people who voted", is_listed=True, is_minor=True),
        Column("is_disputed", "disputed", "people don't agree"),
        Column(
            "agreed_period_days", "agreed period", "that people agree on with the class", "d", 6
        ),
        Column("agreed_period_err", "its error", "of the period agreed on", "d", 6),
    ),
}
COLUMNS = tuple(chain(*TOPICS.values()))
# Of the object that has a source and those of other filters: exports have them, lists don't.
OBJECT_COLUMNS = (
    Column("object_id", "object", "id of the star in all filters"),
    Column(
        "object_kind",
        "kind",
        "single, one-to-one, doubtful if perhaps a blend, or blend: then not one star",
    ),
    Column("object_mags", "other filters", "reference magnitudes in other filters: g 20.12"),
)
# By the absolute zero point of its reference: likewise.
CALIBRATED_COLUMNS = (
    Column("mag_cal", "calibrated mag", "mean magnitude in a published band", "mag", 3),
    Column("mag_cal_err", "its error", "of mag_cal, by its zero point", "mag", 3),
    Column("mag_cal_by", "by", "band, published catalogue and photometric system of mag_cal"),
)
# Of lists round a position alone.
DISTANCE = Column("distance_arcsec", "distance", "from the position asked for", "arcsec", 2)
LISTED = tuple(column for column in COLUMNS if column.is_listed)
# Columns of which an index has the order; not the class, as its order would tell what others voted.
SORTABLE = frozenset(column.name for column in LISTED if column.name != "consensus__slug") | {
    *("refsource_id", "star_detections", "star_changes", "false_alarm", "excess_mag"),
    *("period_days", "colour_mag", "absolute_mag"),
}
# What others said is left out until one has voted oneself.
OPINIONS = (
    *("consensus__slug", "n_votes", "is_disputed"),
    *("agreed_period_days", "agreed_period_err"),
)
