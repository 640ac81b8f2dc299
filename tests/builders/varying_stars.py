"""Statistics over all epochs, made up for a few stars."""

from math import nan

from photometry.models import RealField
from variables.models import GalVariability

MADE_UP = ("false_alarm", "excess_mag", "deviation_sigma")
UNKNOWN = [
    field.name
    for field in GalVariability._meta.fields
    if isinstance(field, RealField) and field.name not in MADE_UP
]


def make_varying(catalogue, false_alarms):
    """Store statistics of sources of a catalogue, {rank: false-alarm probability}."""
    first, _ = catalogue.id_range
    GalVariability.objects.in_catalogue(catalogue.pk).delete()
    GalVariability.objects.bulk_create(
        GalVariability(
            refsource_id=first + rank,
            **dict.fromkeys(UNKNOWN, nan),
            false_alarm=chance,
            excess_mag=0.1,
            deviation_sigma=4.0,
            n_epochs=6,
            flags=0,
        )
        for rank, chance in false_alarms.items()
    )
