"""The sources of a pixel with all that is known of each but their measurements."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from exposures.binary_copy import copy_out, names_of
from exposures.models import GalPublishedCatalogue
from exposures.science.arrays import IntArray
from exposures.source_ids import catalogue_of, rank_of
from galproject.export.columns import (
    CELL,
    FLAT,
    MATCHES,
    MOTION_NAMES,
    PERIOD_NAMES,
    PERIODS,
    TREND_NAMES,
    VARIABILITY_NAMES,
)
from galproject.export.digests import OPINIONS
from galproject.export.measurements import nested_column
from galproject.export.positions import Positions
from photometry.models import GalReference
from photometry.science.matching.states import MatchState
from photometry.storage.columns import MOTION_DTYPE
from variables.models import GalCandidate
from variables.periods.storage import PERIOD_DTYPE
from variables.variability.storage import TREND_STAR_DTYPE, VARIABILITY_DTYPE

OBJECT_DTYPE = np.dtype(
    [("refsource_id", "i8"), ("object_id", "i8"), ("mag", "f4"), ("kind", "i2")]
)
OBJECTS = "galobjectsources JOIN galobjects o ON o.id = object_id"
MATCH_DTYPE = np.dtype(
    [
        ("refsource_id", "i8"),
        ("star_id", "i8"),  # -1: none
        ("separation", "f4"),  # NaN: none
        ("probability", "f4"),
        ("catalogue_id", "i2"),
        ("rank", "i2"),
        ("state", "i2"),
    ]
)
WHOLE = {"n_epochs"}  # of the statistics
MATCH_COLUMNS = """
refsource_id, coalesce(star_id, -1), coalesce(separation, 'NaN'), coalesce(probability, 'NaN'),
catalogue_id, rank, state
"""


class SourceRows:
    """What tables of the database have of some sources (n,)."""

    def __init__(self, positions: Positions, catalogues: dict[int, GalReference]):
        self.positions = positions
        self.ids = positions.refsource_id
        self.catalogues = catalogues
        self._order = np.argsort(self.ids)
        self._listed = ",".join(map(str, self.ids[self._order].tolist()))

    def table(self) -> pa.Table:
        """All columns of FLAT."""
        columns = self._of_positions() | self._of_objects() | self._of_motions()
        columns |= self._of_variability() | self._of_periods() | self._of_candidates()
        return pa.table([columns[column.name] for column in FLAT], [c.name for c in FLAT])

    def periods(self) -> pa.StructArray:
        """The periods of each source, nested, the most probable first."""
        rows, source = self._rows("galperiods", PERIOD_DTYPE, ("rank",))
        return self._nested(PERIODS, source, {name: rows[name] for name in PERIOD_NAMES})

    def matches(self) -> pa.StructArray:
        """The matches of each source with published catalogues in use, nested."""
        published = dict(GalPublishedCatalogue.objects.in_use().values_list("pk", "name"))
        rows, source = self._rows(
            "galmatches", MATCH_DTYPE, ("catalogue_id", "rank"), MATCH_COLUMNS
        )
        in_use = np.isin(rows["catalogue_id"], list(published))
        rows, source = rows[in_use], source[in_use]
        states = {state.value: state.label for state in MatchState}
        values = {
            "published": [published[pk] for pk in rows["catalogue_id"].tolist()],
            "state": [states[state] for state in rows["state"].tolist()],
            "rank": rows["rank"],
            "star_id": _or_null(rows["star_id"], rows["star_id"] < 0),
            "separation": rows["separation"],
            "probability": rows["probability"],
        }
        return self._nested(MATCHES, source, values)

    def _nested(self, name, source: IntArray, values) -> pa.StructArray:
        offsets = np.searchsorted(source, np.arange(len(self.ids) + 1))
        return nested_column(name, offsets, values)

    def _rows(self, table: str, dtype: np.dtype, by: Sequence[str] = (), columns: str = ""):
        """Rows of a table of these sources, and (m,) whose they are; in their order, and ``by``."""
        rows = copy_out(
            f"SELECT {columns or ', '.join(names_of(dtype))} FROM {table}"
            f" WHERE refsource_id = ANY('{{{self._listed}}}'::bigint[])",
            dtype,
        )
        source = self._order[np.searchsorted(self.ids, rows["refsource_id"], sorter=self._order)]
        order = np.lexsort((*(rows[name] for name in reversed(by)), source))
        return rows[order], source[order]

    def _of_positions(self):
        ids, at = self.ids, self.positions
        of = catalogue_of(ids)
        n_sources = {pk: self.catalogues[pk].n_sources for pk in np.unique(of).tolist()}
        filters = [self.catalogues[pk].filter for pk in of.tolist()]
        last = np.array([n_sources[pk] for pk in of.tolist()], "i8")
        return {
            CELL: pa.array(at.cell),
            "source_id": pa.array(ids),
            "catalogue_id": pa.array(of.astype("i4")),
            "filter": pa.array(filters, pa.string()),
            "ra": pa.array(at.ra),
            "dec": pa.array(at.dec),
            "is_new": pa.array(rank_of(ids) >= last),
        }

    def _of_objects(self):
        rows, source = self._rows(OBJECTS, OBJECT_DTYPE)
        return {
            "object_id": self._whole(rows["object_id"], source),
            "object_kind": self._whole(rows["kind"], source),
            "reference_mag": self._single(rows["mag"], source),
        }

    def _of_motions(self):
        rows, source = self._rows("galmotions", MOTION_DTYPE)
        return {name: self._single(rows[name], source) for name in MOTION_NAMES}

    def _of_variability(self):
        rows, source = self._rows("galvariability", VARIABILITY_DTYPE)
        columns = {
            name: (self._whole if name in WHOLE else self._single)(rows[name], source)
            for name in VARIABILITY_NAMES
        }
        columns["variability_flags"] = self._whole(rows["flags"], source)
        rows, source = self._rows("galtrendstars", TREND_STAR_DTYPE)
        for name, stored in zip(TREND_NAMES, names_of(TREND_STAR_DTYPE)[1:], strict=True):
            columns[name] = self._single(rows[stored], source)
        return columns

    def _of_periods(self):
        rows, source = self._rows("galperiods", PERIOD_DTYPE)
        rows, source = rows[rows["rank"] == 1], source[rows["rank"] == 1]
        return {
            "period_days": self._single(rows["days"], source),
            "period_false_alarm": self._single(rows["false_alarm"], source),
        }

    def _of_candidates(self):
        """With classes that everybody may know: none of candidates in an open campaign."""
        found = [[None] * len(self.ids) for _ in OPINIONS]
        for row in self._candidates():
            place = int(np.searchsorted(self.ids, row[0], sorter=self._order))
            if place < len(self.ids) and self.ids[self._order[place]] == row[0]:
                for values, value in zip(found, row, strict=True):
                    values[self._order[place]] = value
        said = dict(zip(OPINIONS, found, strict=True))
        said["candidate_kind"], said["candidate_cause"] = said["kind"], said["cause"]
        said["class"] = [
            name if shown else None
            for name, shown in zip(said["consensus__slug"], said["shows_class"], strict=True)
        ]
        types = {column.name: column.type for column in FLAT}
        return {name: pa.array(said[name], types[name]) for name in said.keys() & types.keys()}

    def _candidates(self):
        """Rows of OPINIONS of these sources' candidates, and of some others near by."""
        ordered, of = self.ids[self._order], catalogue_of(self.ids[self._order])
        for pk in np.unique(of).tolist():
            first, last = ordered[of == pk][[0, -1]].tolist()
            rows = GalCandidate.objects.filter(pk__range=(first, last)).as_seen_by()
            yield from rows.values_list(*OPINIONS)

    def _single(self, values: np.ndarray, source: IntArray) -> pa.Array:
        """Values of sources as a column, NaN of those that have none."""
        column = np.full(len(self.ids), np.nan, values.dtype)
        column[source] = values
        return pa.array(column)

    def _whole(self, values: np.ndarray, source: IntArray) -> pa.Array:
        """Whole numbers of sources as a column, null of those that have none."""
        column, is_unknown = np.zeros(len(self.ids), values.dtype), np.ones(len(self.ids), bool)
        column[source], is_unknown[source] = values, False
        return _or_null(column, is_unknown)


def _or_null(values: np.ndarray, is_null: np.ndarray) -> pa.Array:
    return pa.array(values, mask=is_null)
