"""A field guide: light curves of each class, simulated, and of known stars of this survey."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from galproject.help.curve_drawings import CurveDrawing, drawing_of
from galproject.help.simulated_curves import FILTER, SIMULATED, typical_curve
from variables.light_curves.light_curve_data import light_curves_data
from variables.models import GalCandidate, TaxonomyClass
from variables.vetting.known_stars import known_stars

MAX_KNOWN = 2  # of a class


@dataclass(frozen=True)
class Example:
    """A light curve, and what it is of."""

    drawing: CurveDrawing
    period_days: float | None
    amplitude_mag: float
    filter: str
    candidate: GalCandidate | None = None  # None: simulated


@dataclass(frozen=True)
class Entry:
    """A class with its examples."""

    choice: TaxonomyClass
    simulated: Example | None
    known: tuple[Example, ...]


def entries(taxonomy) -> list[Entry]:
    """The classes of a taxonomy with examples, in its order."""
    if taxonomy is None:
        return []
    classes = list(taxonomy.classes.filter(parent=None).order_by("order"))
    known = known_examples(classes)
    return [
        Entry(one, simulated_example(SIMULATED.get(one.slug)), tuple(known.get(one.pk, ())))
        for one in classes
    ]


@lru_cache
def simulated_example(kind) -> Example | None:
    """The light curve of a star as the simulator makes that kind; None for no kind."""
    if kind is None:
        return None
    curve = typical_curve(kind)
    drawing = drawing_of(curve.mjd, curve.mag, curve.period_days, curve.epoch)
    return Example(drawing, curve.period_days, curve.amplitude_mag, FILTER)


def known_examples(classes) -> dict[int, list[Example]]:
    """{class id: Examples} of known stars."""
    known = known_stars(classes, MAX_KNOWN)
    data = light_curves_data([one.candidate.pk for one in known]) if known else {}
    examples = {}
    for one in known:
        own = data[one.candidate.pk]["filters"][0]
        if len(own["mjd"]) > 1:
            examples.setdefault(one.choice.pk, []).append(_example(one.candidate, own))
    return examples


def _example(candidate, own):
    mag = np.array(own["mag"])
    # Phases are of barycentric times, as on the candidate's page.
    times = zip(own["mjd"], own["bjd_tdb"], strict=True)
    days = np.array([mjd if bjd is None else bjd for mjd, bjd in times])
    period = candidate.period_days
    drawing = drawing_of(days, mag, period, days[np.argmin(mag)])
    return Example(drawing, period, float(np.ptp(mag)), candidate.filter, candidate)
