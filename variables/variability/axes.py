"""The statistics of stars that a plane may have as axes, and how each is binned."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray
from variables.science.binned_statistics import N_BINS, Scale


@dataclass(frozen=True)
class Axis:
    """A statistic of stars as an axis; its coordinate is the value, or the logarithm of it."""

    name: str  # of a column of galvariability, galperiods or galcandidates, or a colour
    label: str
    unit: str  # "" for none
    scale: Scale  # of the coordinate
    is_log: bool = False
    is_down: bool = False  # whether it grows downward, as magnitudes do

    def coordinates(self, values: FloatArray) -> FloatArray:
        """(n,) coordinates of ``values`` (n,); NaN where there is no logarithm."""
        if not self.is_log:
            return np.asarray(values, float)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.log10(np.asarray(values, float))
        return np.where(np.isfinite(found), found, np.nan)

    def value(self, coordinate: float) -> float:
        """The value at a coordinate."""
        return float(10**coordinate if self.is_log else coordinate)

    @property
    def title(self) -> str:
        """Its label with the unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def other_filter(self) -> str | None:
        """Of a colour the filter of which the magnitude is, less that of the catalogue."""
        return self.name.removeprefix(COLOUR) if self.name.startswith(COLOUR) else None


COLOUR = "colour-"
MAGNITUDES, DECADES_OF_MAG = Scale(5, 35), Scale(-5, 2)
AXES = {
    axis.name: axis
    for axis in (
        Axis("robust_mag", "magnitude", "mag", MAGNITUDES, is_down=True),
        Axis("range_mag", "range", "mag", DECADES_OF_MAG, is_log=True),
        Axis("excess_mag", "excess scatter", "mag", DECADES_OF_MAG, is_log=True),
        Axis("sigma_mad", "robust scatter", "mag", DECADES_OF_MAG, is_log=True),
        Axis("iqr_mag", "range between quartiles", "mag", DECADES_OF_MAG, is_log=True),
        Axis("chi2_nu", "χ²/ν", "", Scale(-3, 7), is_log=True),
        Axis("deviation_sigma", "largest deviation", "σ", Scale(-2, 6), is_log=True),
        Axis("deviation_mag", "largest deviation", "mag", Scale(-15, 15)),
        Axis("skewness", "skewness", "", Scale(-16, 16)),
        Axis("stetson_j", "Stetson J", "", Scale(-64, 448)),
        Axis("stetson_k", "Stetson K", "", Scale(0, 2)),
        Axis("von_neumann", "von Neumann", "", Scale(0, 4)),
        Axis("slope_mag", "slope", "mag/yr", Scale(-16, 16)),
        Axis("false_alarm", "false alarm", "", Scale(-12, 0), is_log=True),
        Axis("followed_share", "scatter that follows conditions", "share", Scale(-1, 1)),
        Axis("neighbour_correlation", "correlation with neighbours", "", Scale(-1, 1)),
        Axis("n_epochs", "epochs", "", Scale(-0.5, N_BINS - 0.5)),
    )
}

# Of the likeliest period of a star, which is looked for in candidates alone.
PERIOD_AXES = {
    axis.name: axis
    for axis in (
        Axis("days", "period", "days", Scale(-4, 5), is_log=True),
        Axis("amplitude_mag", "amplitude of the period", "mag", DECADES_OF_MAG, is_log=True),
    )
}
# Of the published star that a star is matched with; named as the columns of candidates.
PUBLISHED_AXES = {
    axis.name: axis
    for axis in (
        Axis("colour_mag", "published colour", "mag", Scale(-16, 16)),
        Axis("absolute_mag", "absolute magnitude", "mag", Scale(-15, 35), is_down=True),
    )
}


def colour_axis(other: str, own: str) -> Axis:
    """The colour of stars of catalogues in the filter ``own`` to the filter ``other``."""
    return Axis(f"{COLOUR}{other}", f"{other} − {own}", "mag", Scale(-16, 16))
