"""Lists of candidates as files: CSV, VOTable and Parquet, with units and meanings."""

from django.db import models

from exposures.errors import GalprojectError
from exposures.streams import streamed
from exposures.tables import (
    CSV,
    PARQUET,
    VOTABLE,
    ColumnKind,
    TableColumn,
    batched,
)
from variables.candidates.calibrated import calibrated_columns
from variables.candidates.columns import CALIBRATED_COLUMNS, OBJECT_COLUMNS, OPINIONS
from variables.candidates.columns import COLUMNS as OWN_COLUMNS
from variables.candidates.filter_columns import field_of
from variables.candidates.objects import object_columns
from variables.candidates.star_odds import COLUMNS as STAR_ODDS_COLUMNS
from variables.candidates.star_odds import star_odds_texts
from variables.votes.blindness import note_shown

COLUMNS = (*OWN_COLUMNS, *OBJECT_COLUMNS, *CALIBRATED_COLUMNS, *STAR_ODDS_COLUMNS)
MAGNITUDES = [[c.name for c in OWN_COLUMNS].index(name) for name in ("mean_mag", "reference_mag")]
# Of columns that the model has not.
ADDED_KINDS = {
    "object_id": ColumnKind.INTEGER,
    "mag_cal": ColumnKind.DOUBLE,
    "mag_cal_err": ColumnKind.DOUBLE,
    "likeliest_star": ColumnKind.INTEGER,
    **dict.fromkeys(("likeliest_star_odds", "own_odds", "odds_of_no_star"), ColumnKind.DOUBLE),
    "are_odds_trusted": ColumnKind.BOOLEAN,
}
CHUNK, FIRST_CHUNK = 10_000, 200  # the first is there soon
MAX_VOTABLE_ROWS = 500_000  # which are made in memory
TITLE = "Candidates for variable stars of galproject"
KINDS = {
    models.FloatField: ColumnKind.DOUBLE,
    models.BooleanField: ColumnKind.BOOLEAN,
    models.BigIntegerField: ColumnKind.INTEGER,
    models.IntegerField: ColumnKind.SHORT,
}
OPINION_INDICES = [place for place, c in enumerate(COLUMNS) if c.name in OPINIONS]


class ExportError(GalprojectError):
    """A list that can't be exported."""


FORMATS = {"csv": CSV, "votable": VOTABLE, "parquet": PARQUET}


def export(search, name, user):
    """The candidates of a CandidateSearch as the chunks of a file in the named format.

    It holds only what ``user`` may see. Raises ExportError for an unknown format, and for more rows
    than the format can hold.
    """
    if name not in FORMATS:
        raise ExportError(f"There is no format {name}: choose {', '.join(FORMATS)}")
    if name == "votable" and _are_more(search.rows, MAX_VOTABLE_ROWS):
        raise ExportError(
            f"A VOTable holds at most {MAX_VOTABLE_ROWS:,} candidates: choose Parquet or CSV"
        )
    note_shown(user)
    chunks = _chunks(_read(search, user))
    return FORMATS[name].pieces(table_columns(), chunks, TITLE, "candidates")


def _are_more(rows, n):
    return rows.order_by()[n : n + 1].exists()


def _chunks(rows):
    """Lists of CHUNK rows, of which the first is shorter, each in the order of COLUMNS.

    The columns of each source's object, of its calibrated magnitude and of the star that changes
    are appended to its row.
    """
    for chunk in batched(rows, CHUNK, FIRST_CHUNK):
        objects = object_columns([row[0] for row in chunk])
        calibrated = calibrated_columns(
            (row[0], *(row[place] for place in MAGNITUDES)) for row in chunk
        )
        stars = star_odds_texts(row[0] for row in chunk)
        yield [[*row, *objects[row[0]], *calibrated[row[0]], *stars[row[0]]] for row in chunk]


def _read(search, user):
    names = [column.name for column in OWN_COLUMNS]

    def read(candidates):
        return candidates.as_seen_by(user).values_list(*names, "shows_class")

    for *row, shows_class in streamed(lambda: search.parts(read), CHUNK):
        if not shows_class:
            for place in OPINION_INDICES:
                row[place] = None
        yield row


def table_columns():
    """COLUMNS with the types of the model's fields."""
    return [TableColumn(c.key, _kind(c), c.unit, c.meaning) for c in COLUMNS]


def _kind(column):
    if column not in OWN_COLUMNS:
        return ADDED_KINDS.get(column.name, ColumnKind.TEXT)
    field = field_of(column)
    return next((kind for of, kind in KINDS.items() if isinstance(field, of)), ColumnKind.TEXT)
