"""Rows of galcandidates, written many at once where they differ from what is stored."""

from collections.abc import Mapping

import numpy as np
from django.db import connection, models
from django.utils import timezone

from exposures.binary_copy import copy_out
from exposures.science.arrays import BoolArray
from photometry.models import GalReference
from variables.derived.stars import NUMBERS, STAR_COLUMNS, TO_BE_MEMBERS
from variables.models import GalCandidate

# Columns that are derived of each source by itself.
DERIVED = (
    *("kind", "ra", "dec", "x", "y", "reference_mag", "n_epochs", "n_non_detections", "n_changes"),
    *("n_detections", "first_mjd", "last_mjd", "max_delta_mag", "mean_delta_mag"),
    *("max_significance", "has_vanished", "mean_mag", "rms_mag", "amplitude_mag", "chi2_nu"),
    *("von_neumann", "skewness", "varies", "false_alarm", "excess_mag", "period_days"),
    *("period_err", "colour_mag", "absolute_mag", "known", "known_possible", "known_class"),
    *("known_name", "known_period", "period_agreement", "failed_cuts", "cause", "is_flagged"),
)
STORED = """
SELECT refsource_id, filter <> {filter} OR ccdnum <> {ccdnum}, {columns} FROM galcandidates
WHERE refsource_id BETWEEN {first} AND {last}
ORDER BY refsource_id
"""
TEXTS = "SELECT refsource_id, {columns} FROM galcandidates WHERE refsource_id = ANY(%s::bigint[])"
# With the columns of stars, so that each row is written once.
UPSERT = """
WITH written AS MATERIALIZED (
    SELECT {values}, {common_values} FROM unnest({arrays}) AS r ({columns})
)
{numbers}
INSERT INTO galcandidates AS c ({columns}, {common}, {star}, {others})
SELECT {of_written}, {of_numbers}, {other_values}
FROM written AS w JOIN numbers AS n USING (refsource_id) ORDER BY refsource_id
ON CONFLICT (refsource_id) DO UPDATE SET ({changed}, refreshed) = ROW({new}, %(refreshed)s)
"""


def differing(stored: np.ndarray, columns: Mapping[str, np.ndarray]) -> BoolArray:
    """(n,) which rows of a catalogue's candidates say something else than is stored, or are new.

    ``columns`` (n,) are the DERIVED ones, by name, and ``stored`` the ``stored_candidates``.
    """
    ids = columns["refsource_id"]
    place = np.searchsorted(stored["refsource_id"], ids)
    place[place == len(stored)] = 0
    if len(stored) == 0:
        return np.ones(len(ids), bool)
    rows = stored[place]
    others = (rows["refsource_id"] != ids) | rows["is_elsewhere"]
    texts = []
    for name, values in columns.items():
        if _is_text(name):
            texts.append(name)
            told = (~np.equal(values, None)).astype(float)
        else:
            told = _numbers(name, values)
        old = rows[name] if name != "refsource_id" else told
        others |= (told != old) & ~(np.isnan(told) & np.isnan(old))
    return others | _other_texts(ids, {name: columns[name] for name in texts})


def stored_candidates(catalogue: GalReference) -> np.ndarray:
    """The candidates of a catalogue: ``refsource_id``, in order, and DERIVED columns as numbers.

    NULL is NaN; of texts it is told whether there is one, and ``is_elsewhere`` of those that have
    another filter or chip than the catalogue.
    """
    image, (first, last) = catalogue.image, catalogue.id_range
    dtype = np.dtype(
        [("refsource_id", "i8"), ("is_elsewhere", "?"), *((name, "f8") for name in DERIVED)]
    )
    query = STORED.format(
        filter=_literal(image.exposure.filter),
        ccdnum=image.ccdnum,
        columns=", ".join(map(_as_number, DERIVED)),
        first=first,
        last=last,
    )
    return copy_out(query, dtype)


def upsert_candidates(catalogue: GalReference, columns: Mapping[str, np.ndarray]) -> None:
    """Insert or update candidates of a catalogue, with the columns of their stars.

    ``columns`` (n,) are the DERIVED ones by name; NaN is NULL where a column may be. What others
    write is left as it is. All stars of the same objects are taken as they are stored, but for
    these.
    """
    image = catalogue.image
    common = {
        "catalogue_id": catalogue.pk,
        "filter": image.exposure.filter,
        "ccdnum": image.ccdnum,
    }
    fields = [_field(name) for name in columns]
    arrays = {f"array_{name}": _array(_field(name), values) for name, values in columns.items()}
    values = common | arrays | _defaults([*columns, *common, *STAR_COLUMNS])
    with connection.cursor() as cursor:
        statement = _statement(fields, [*common])
        cursor.execute(statement, values | {"refreshed": timezone.now()})


def _statement(fields, common):
    columns = [field.column for field in fields]
    changed = [name for name in (*columns, *common, *STAR_COLUMNS) if name != "refsource_id"]
    others = list(_defaults([*columns, *common, *STAR_COLUMNS]))
    return UPSERT.format(
        numbers=TO_BE_MEMBERS + NUMBERS,
        columns=", ".join(columns),
        values=", ".join(f"{_value(field)} AS {field.column}" for field in fields),
        arrays=", ".join(f"%(array_{f.column})s::{_element_type(f)}[]" for f in fields),
        common=", ".join(common),
        common_values=", ".join(f"{_common_value(name)} AS {name}" for name in common),
        star=", ".join(STAR_COLUMNS),
        others=", ".join([*others, "refreshed"]),
        of_written=", ".join(f"w.{name}" for name in (*columns, *common)),
        of_numbers=", ".join(f"n.{name}" for name in STAR_COLUMNS.values()),
        other_values=", ".join([*(f"%({name})s" for name in others), "%(refreshed)s"]),
        changed=", ".join(changed),
        new=", ".join(f"excluded.{name}" for name in changed),
    )


def _field(column):
    return GalCandidate._meta.get_field(column)


def _common_value(column):
    return f"%({column})s::{_element_type(_field(column))}"


def _element_type(field):
    # A varchar's length is checked where the row is inserted, and NULL is NaN till then.
    if isinstance(field, models.CharField):
        return "text"
    return "float8" if _is_nan_null(field) else field.db_type(connection)


def _is_nan_null(field):
    return field.null and not isinstance(field, models.TextField)


def _value(field):
    if _is_nan_null(field):
        return f"nullif(r.{field.column}, 'NaN')::{field.db_type(connection)}"
    return f"r.{field.column}"


def _is_text(name):
    return isinstance(_field(name), models.TextField)


def _as_number(name):
    """An expression in SQL of a column, as ``_numbers`` has its values."""
    field = _field(name)
    if isinstance(field, models.TextField):
        return f"({name} IS NOT NULL)::int::float8"
    if isinstance(field, models.CharField):
        choices = ", ".join(_literal(value) for value in _choices(field))
        return f"coalesce(array_position(ARRAY[{choices}], {name}::text), 0)::float8"
    if isinstance(field, models.BooleanField):
        return f"{name}::int::float8"
    return f"coalesce({name}::float8, 'NaN')"


def _numbers(name, values):
    field = _field(name)
    if isinstance(field, models.CharField):
        places = {value: place for place, value in enumerate(_choices(field), 1)}
        return np.array([places[value] for value in np.asarray(values).tolist()], float)
    return np.asarray(values, float)


def _choices(field):
    return [value for value, _ in field.flatchoices]


def _literal(text):
    return "'" + text.replace("'", "''") + "'"


def _other_texts(ids, texts):
    """(n,) where texts, {column: (n,)}, of the sources (n,) are others than are stored."""
    others = np.zeros(len(ids), bool)
    told = ~np.all([np.equal(values, None) for values in texts.values()], axis=0)
    if not told.any():
        return others
    with connection.cursor() as cursor:
        cursor.execute(TEXTS.format(columns=", ".join(texts)), [ids[told].tolist()])
        stored = {pk: row for pk, *row in cursor.fetchall()}
    nothing = [None] * len(texts)
    for place in np.flatnonzero(told).tolist():
        new = [values[place] for values in texts.values()]
        others[place] = new != stored.get(int(ids[place]), nothing)
    return others


def _array(field, values):
    """A column as a parameter for an array of PostgreSQL.

    Numbers are a text of all of them: psycopg2 adapts each number by itself, slowly.
    """
    if isinstance(field, models.TextField):
        return list(values)
    values = np.asarray(values)
    if isinstance(field, models.CharField):
        return [str(value) for value in values.tolist()]
    if isinstance(field, models.IntegerField) and not field.null:
        values = values.astype(np.int64)
    return f"{{{','.join(map(repr, values.tolist()))}}}"


def _defaults(given):
    """Values in a new row, {column: value}, of the columns that are neither ``given`` nor NULL."""
    return {
        field.column: field.get_default()
        for field in GalCandidate._meta.concrete_fields
        if field.column not in given and not field.null and field.column != "refreshed"
    }
