"""What is stored of a catalogue's candidates and changes, read in one COPY each."""

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_out
from photometry.models import GalReference
from photometry.storage.storage import lock_against_drop
from variables.science.causes import CAUSES
from variables.science.change_shapes import VERSION
from variables.science.learning.facts import (
    ALL_EPOCHS,
    CHANGE_DTYPE,
    OWN,
    PERIODS,
    PIXELS,
    STAR,
    Facts,
    no_candidates,
)
from variables.variability.curves import CatalogueImages

READ = np.dtype([*OWN, *ALL_EPOCHS, *PERIODS, *STAR, *PIXELS])
TYPES = {"i8": "bigint", "i4": "integer", "i2": "smallint", "f4": "real", "f8": "float8"}
UNKNOWN = {"i8": "-1", "i4": "-1", "i2": "-1", "f4": "'NaN'", "f8": "'NaN'", "b1": "false"}
# Columns that are called otherwise in their tables, or computed.
OF_CANDIDATES = {
    "is_new": "c.kind = 'new'",
    "cause": f"array_position(ARRAY{list(CAUSES)}, c.cause::text) - 1",
    "excess_mag": "v.excess_mag",
    "false_alarm": "v.false_alarm",
    "all_chi2_nu": "v.chi2_nu",
    "all_skewness": "v.skewness",
    "all_von_neumann": "v.von_neumann",
    "variability_flags": "v.flags",
    "period_days": "p.days",
    "period_power": "p.power",
    "period_false_alarm": "p.false_alarm",
    "period_amplitude": "p.amplitude_mag",
    "second_days": "q.days",
    "second_power": "q.power",
    "speed": "sqrt(m.pm_ra ^ 2 + m.pm_dec ^ 2)",
    "speed_err": "sqrt((m.pm_ra_err ^ 2 + m.pm_dec_err ^ 2) / 2)",
    **{f"reference_{name}": f"r.{name}" for name in ("rchi2", "fracflux", "quality", "flags")},
    **{f"mag_{name}": f"o.mag_{name}" for name in "ugrizy"},
    **{name: f"h.{name.removeprefix('shape_')}" for name, _ in PIXELS},
}
TABLES = dict.fromkeys((name for name, _ in OWN), "c")
TABLES |= dict.fromkeys((name for name, _ in ALL_EPOCHS), "v")
TABLES |= dict.fromkeys((name for name, _ in PERIODS), "p")
IN_FILTERS = ", ".join(
    f"avg(mag) FILTER (WHERE lower(left(filter, 1)) = '{name}' AND mag <> 'NaN') AS mag_{name}"
    for name in "ugrizy"
)
CANDIDATES = """
SELECT {columns} FROM galcandidates c
LEFT JOIN galvariability v ON v.refsource_id = c.refsource_id
LEFT JOIN galperiods p ON p.refsource_id = c.refsource_id AND p.rank = 1
LEFT JOIN galperiods q ON q.refsource_id = c.refsource_id AND q.rank = 2
LEFT JOIN galmotions m ON m.refsource_id = c.refsource_id
LEFT JOIN galchangeshapes h ON h.refsource_id = c.refsource_id AND h.version = {shapes}
LEFT JOIN {partition} r ON r.refsource_id = c.refsource_id AND r.galimage_id = {image}
LEFT JOIN LATERAL (
    SELECT {in_filters} FROM galobjectsources WHERE object_id = c.object_id
) o ON c.object_id IS NOT NULL
WHERE c.refsource_id BETWEEN {first} AND {last} ORDER BY c.refsource_id
"""
OF_CHANGES = {
    "image_id": "v.galimage_id",
    "mjd": "e.mjd",
    "fwhm": "i.fwhm_pixels",
    "sky": "i.sky",
    **{name: f"coalesce(s.{name}, d.{name})" for name in ("rchi2", "fracflux", "quality", "flags")},
}
CHANGES = """
SELECT {columns} FROM galvarobjs v
JOIN galimages i ON i.id = v.galimage_id JOIN galexposures e ON e.id = i.exposure_id
LEFT JOIN {partition} s ON s.refsource_id = v.refsource_id AND s.galimage_id = v.galimage_id
LEFT JOIN galnewdetections d ON d.refsource_id = v.refsource_id AND d.galimage_id = v.galimage_id
WHERE v.refsource_id BETWEEN {first} AND {last}
"""


def read_facts(catalogue: GalReference) -> Facts | None:
    """The Facts of a catalogue's candidates, by their ids; None where the catalogue is gone."""
    first, last = catalogue.id_range
    of = {"first": first, "last": last, "image": catalogue.image_id, "in_filters": IN_FILTERS}
    of |= {"partition": catalogue.partition, "shapes": VERSION}
    with transaction.atomic():  # so that the partition stays in its place while it is read
        if not lock_against_drop(catalogue):
            return None
        read = copy_out(
            CANDIDATES.format(columns=_selected(READ, OF_CANDIDATES, TABLES), **of), READ
        )
        all_v = dict.fromkeys(CHANGE_DTYPE.names or (), "v")
        columns = _selected(CHANGE_DTYPE, OF_CHANGES, all_v)
        changes = copy_out(CHANGES.format(columns=columns, **of), CHANGE_DTYPE)
    candidates = no_candidates(len(read))
    for name in READ.names or ():
        candidates[name] = read[name]
    images = CatalogueImages.of(catalogue).images
    candidates["width"], candidates["height"] = (
        np.nan if side is None else side for side in (catalogue.image.width, catalogue.image.height)
    )
    candidates["usual_fwhm"] = _usual([image.fwhm_pixels for image in images])
    candidates["usual_sky"] = _usual([image.sky for image in images])
    return Facts(candidates, changes)


def _selected(dtype: np.dtype, expressions: dict[str, str], tables: dict[str, str]) -> str:
    """What a query selects for the columns of a dtype; never NULL."""
    columns = []
    for name in dtype.names or ():
        kind = dtype[name].str[1:]
        expression = expressions.get(name) or f"{tables[name]}.{name}"
        cast = f"::{TYPES[kind]}" if kind in TYPES else ""
        columns.append(f"coalesce(({expression}){cast}, {UNKNOWN[kind]}{cast})")
    return ", ".join(columns)


def _usual(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else np.nan
