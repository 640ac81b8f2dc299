"""Light curves of sources, as tables, time series and data frames."""

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable, Table
from astropy.time import Time
from astropy.timeseries import TimeSeries

from galproject_client.columns import Rows, measurements_table

if TYPE_CHECKING:
    import pandas

DETECTION = "detection"


@dataclass(frozen=True)
class LightCurve:
    """All epochs of one source, oldest first, whether it was detected or not.

    A source is a star in the catalogue of one reference image, hence in one filter.
    """

    refsource_id: int
    filter: str
    ra: float  # ICRS degrees
    dec: float  # ICRS degrees
    table: Table  # a row an epoch; its columns say their units and meanings

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return (
            f"<LightCurve of source {self.refsource_id}: {len(self)} epochs in {self.filter}, "
            f"{np.count_nonzero(self.is_detected)} detections>"
        )

    @property
    def is_detected(self) -> np.ndarray:
        """True at epochs, (n,), at which the star was detected."""
        return np.asarray(self.table["kind"] == DETECTION)

    @property
    def detections(self) -> Table:
        """The epochs with a magnitude."""
        return self.table[self.is_detected]

    @property
    def limits(self) -> Table:
        """The epochs at which the star is fainter than ``limit_mag``."""
        return self.table[np.asarray(self.table["kind"] == "non-detection")]

    def to_timeseries(self, detections_only: bool = True) -> TimeSeries:
        """The light curve by barycentric time (TDB), with units, as astropy folds and bins it."""
        rows = self.detections if detections_only else self.table
        times = Time(np.asarray(rows["bjd_tdb"], "f8"), format="jd", scale="tdb")
        columns = QTable(rows[[name for name in rows.colnames if name != "bjd_tdb"]])
        return TimeSeries(time=times, data=columns)

    def to_pandas(self) -> "pandas.DataFrame":
        """The light curve as a data frame; takes pandas."""
        return self.table.to_pandas()


def light_curves_of(rows: Rows) -> list[LightCurve]:
    """Light curves of rows that come source by source."""
    return [_light_curve(list(own)) for _, own in groupby(rows, key=itemgetter("refsource_id"))]


def _light_curve(rows: Rows) -> LightCurve:
    # Of the reference catalogue, unless its own image has no measurement of the star.
    at = next((row for row in rows if row["is_reference"]), rows[0])
    return LightCurve(
        at["refsource_id"], at["filter"], at["ra"], at["dec"], measurements_table(rows)
    )
