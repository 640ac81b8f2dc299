"""What the stored variability of a catalogue's sources says of them to whoever matches them."""

import numpy as np

from exposures.binary_copy import copy_out
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import id_range
from photometry.models import GalReference
from variables.models import GalVariabilityRun
from variables.science.variability.known_variables import log_odds_of

DTYPE = np.dtype([("refsource_id", "i8"), ("false_alarm", "f4")])


def evidence_digest(reference: GalReference) -> str:
    """That of the variability that is stored; "" where none is."""
    runs = GalVariabilityRun.objects.filter(catalogue=reference)
    return runs.values_list("digest", flat=True).first() or ""


def log_odds_of_variability(reference: GalReference, refsource_ids: IntArray) -> FloatArray:
    """(n,) natural log of how much likelier sources (n,) are variables than before; 0: unknown."""
    first, last = id_range(reference.pk)
    stored = copy_out(
        "SELECT refsource_id, false_alarm FROM galvariability"
        f" WHERE refsource_id BETWEEN {first} AND {last} ORDER BY refsource_id",
        DTYPE,
    )
    false_alarm = np.full(len(refsource_ids), np.nan)
    if len(stored):
        place = np.searchsorted(stored["refsource_id"], refsource_ids)
        place[place == len(stored)] = 0
        is_there = stored["refsource_id"][place] == refsource_ids
        false_alarm[is_there] = stored["false_alarm"][place[is_there]]
    return log_odds_of(false_alarm)
