"""The columns that a list of candidates shows: those of its address, of the user, or the usual."""

from dataclasses import dataclass

from variables.candidates.calibrated import with_calibrated
from variables.candidates.columns import (
    CALIBRATED_COLUMNS,
    LISTED,
    OBJECT_COLUMNS,
    TOPICS,
    Column,
)
from variables.candidates.objects import object_columns
from variables.models import ListColumns

COLUMNS = "columns"  # in an address: keys with commas between them
MAX_CHOSEN = 60
PICTURES = (
    Column("cutouts", "cutouts", "reference, image and difference where it changed most"),
    Column("curve", "light curve", "in all its filters"),
)
# The id and the position are in each row.
LEFT_OUT = ("refsource_id", "ra", "dec", "object_id")
BY_TOPIC = {
    "pictures": PICTURES,
    **TOPICS,
    "star in all filters": OBJECT_COLUMNS,
    "calibrated": CALIBRATED_COLUMNS,
}
THERE_ARE = {
    column.key: column
    for columns in BY_TOPIC.values()
    for column in columns
    if column.name not in LEFT_OUT
}
USUAL = tuple(column.key for column in LISTED)


@dataclass(frozen=True)
class ChosenColumns:
    """The columns of a list, and whether they are others than the usual ones."""

    columns: tuple[Column, ...]  # without pictures
    pictures: tuple[Column, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.key for column in (*self.pictures, *self.columns))

    @property
    def is_usual(self) -> bool:
        return self.keys == USUAL

    @property
    def address(self) -> str:
        """What an address says of them."""
        return ",".join(self.keys)

    def by_topic(self) -> list[tuple[str, list[tuple[Column, bool]]]]:
        """All columns that there are by topic, each with whether it is shown."""
        shown = set(self.keys)
        return [
            (topic, [(c, c.key in shown) for c in columns if c.key in THERE_ARE])
            for topic, columns in BY_TOPIC.items()
        ]


def chosen_columns(data, user) -> ChosenColumns:
    """The columns that an address names, else those that a user keeps, else the usual ones."""
    named = keys_in(data.getlist(COLUMNS))
    return _chosen(named or kept_columns(user) or USUAL)


def keys_in(texts) -> list[str]:
    """The keys of columns that there are, of texts with commas between keys, in the usual order."""
    named = {key for text in texts for key in text.split(",")[:MAX_CHOSEN]}
    return [key for key in THERE_ARE if key in named]


def kept_columns(user) -> list[str]:
    """The keys of the columns that a user keeps; none if there are none."""
    if user is None or not user.pk:
        return []
    kept = ListColumns.objects.filter(user=user).values_list("names", flat=True).first()
    return keys_in(kept or [])


def keep_columns(user, keys):
    """Keep the columns that lists show to a user; the usual ones, if there are no ``keys``."""
    if not keys or tuple(keys) == USUAL:
        ListColumns.objects.filter(user=user).delete()
        return
    ListColumns.objects.update_or_create(user=user, defaults={"names": list(keys)})


def complete(candidates, chosen: ChosenColumns):
    """Give candidates the values of columns that are stored elsewhere, where these are shown."""
    names = {column.name for column in chosen.columns}
    if names & {column.name for column in OBJECT_COLUMNS}:
        found = object_columns([candidate.pk for candidate in candidates])
        for candidate in candidates:
            _, candidate.object_kind, candidate.object_mags = found[candidate.pk]
    if names & {column.name for column in CALIBRATED_COLUMNS}:
        for candidate in with_calibrated(candidates):
            candidate.mag_cal, candidate.mag_cal_err, candidate.mag_cal_by = candidate.calibrated


def _chosen(keys):
    columns = [THERE_ARE[key] for key in keys]
    return ChosenColumns(
        tuple(column for column in columns if column not in PICTURES),
        tuple(column for column in columns if column in PICTURES),
    )
