"""The alerts of an exposure: its detections, each with its candidate and its light curve."""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np

from exposures.models import GalExposure
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from photometry.storage.storage import measurements_of
from variables.models import GalCandidate, GalVarObj

SCHEMA = Path(__file__).with_name("schema") / "alert.avsc"
MOST_PREVIOUS = 100  # measurements of a packet


@lru_cache(maxsize=1)
def schema() -> dict:
    """The schema of the packets, as Avro has it in JSON."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def packets_of(exposure: GalExposure) -> Iterator[dict]:
    """A packet for each detection of an exposure, as the schema says, by source.

    Detections pass all cuts and no flag hides them, nor their candidates. Nothing that people say
    of a candidate is among it. What is read of measurements is that of one catalogue at a time.
    """
    changes = GalVarObj.objects.accepted().filter(image__exposure=exposure)
    ordered = changes.select_related("image").order_by("refsource_id", "image")
    for catalogue_id, own in groupby(ordered, lambda one: int(catalogue_of(one.refsource_id))):
        yield from _of_catalogue(catalogue_id, exposure, list(own))


def _of_catalogue(catalogue_id, exposure, changes):
    catalogue = GalReference.objects.filter(pk=catalogue_id).first()
    candidates = GalCandidate.objects.accepted().in_bulk({one.refsource_id for one in changes})
    if catalogue is None or not candidates:
        return
    rows = measurements_of(catalogue, sorted(candidates))
    for one in changes:
        if candidate := candidates.get(one.refsource_id):
            own = slice(*np.searchsorted(rows["refsource_id"], [candidate.pk, candidate.pk + 1]))
            yield _packet(exposure, one, candidate, rows[own])


def _packet(exposure, change, candidate, rows):
    return {
        "alert_id": f"{change.image_id}-{change.refsource_id}",
        "candidate": {name: getattr(candidate, name) for name in _fields("candidate")},
        "detection": {
            "exposure": f"{exposure.instrument} {exposure.identifier}",
            "ccdnum": change.image.ccdnum,
            "mjd": exposure.mjd,
            "filter": exposure.filter,
            **{name: getattr(change, name) for name in OF_CHANGE},
        },
        "previous": [
            {"mjd": mjd, "mag": mag, "mag_err": error}
            for mjd, mag, error in rows[["mjd", "mag", "mag_err"]][-MOST_PREVIOUS:].tolist()
        ],
    }


OF_CHANGE = ("kind", "delta_mag", "delta_mag_err", "significance", "flux", "flux_err")


@lru_cache
def _fields(name):
    """Names of the fields of a record of the schema."""
    (record,) = (field["type"] for field in schema()["fields"] if field["name"] == name)
    return tuple(field["name"] for field in record["fields"])
