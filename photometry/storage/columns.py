"""The columns of measurements as numpy has them: they follow from the fields of the models."""

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
from django.db import models

from photometry.models import (
    GalMotion,
    GalNonDetection,
    GalReferenceMag,
    GalSource,
    RealField,
    StarFit,
)
from photometry.reduction.search import SearchMeasurement
from photometry.science.forced.forced import ForcedFit

NUMPY_TYPES = {
    models.BigIntegerField: "i8",
    models.IntegerField: "i4",
    models.FloatField: "f8",
    RealField: "f4",
    models.SmallIntegerField: "i2",
    models.BooleanField: "?",
}


def column_names(model: type[models.Model]) -> tuple[str, ...]:
    """The columns of a model in their order, which an abstract one has, too."""
    return tuple(field.attname for field in _fields(model))


def dtype_of(model: type[models.Model]) -> np.dtype:
    """A row of a model, for COPY: fields that are named and typed as its columns."""
    return np.dtype([(field.attname, NUMPY_TYPES[type(field)]) for field in _fields(model)])


def _fields(model: type[models.Model]) -> list[models.Field]:
    pk = models.CompositePrimaryKey  # which has no column of its own
    return [field for field in model._meta.local_fields if not isinstance(field, pk)]


SOURCE_DTYPE = dtype_of(GalSource)
NON_DETECTION_DTYPE = dtype_of(GalNonDetection)
MEAN_DTYPE = dtype_of(GalReferenceMag)
MOTION_DTYPE = dtype_of(GalMotion)
COLUMNS = ", ".join(column_names(GalSource))
STAR_COLUMNS = column_names(StarFit)
# What the forced fit itself gives of them.
FIT_COLUMNS = tuple(field.name for field in fields(ForcedFit) if field.name in STAR_COLUMNS)


@lru_cache
def source_dtype(names: tuple[str, ...]) -> np.dtype:
    """Some columns of galsources."""
    return np.dtype([(name, SOURCE_DTYPE[name]) for name in names])


def source_rows(fit: ForcedFit, columns: Mapping[str, Any]) -> np.ndarray:
    """Rows of galsources (n,) of a ForcedFit of n stars, and other ``columns`` by name."""
    rows = np.zeros(len(fit.flux), SOURCE_DTYPE)
    for name in FIT_COLUMNS:
        rows[name] = getattr(fit, name)
    for name, values in columns.items():
        rows[name] = values
    return rows


def measured_rows(measurement: SearchMeasurement) -> np.ndarray:
    """Rows of galsources of all sources of a SearchMeasurement; ``galimage_id`` is left to do."""
    columns = {name: measurement.sources[name] for name in ("refsource_id", "ra", "dec")}
    columns |= {name: getattr(measurement, name) for name in ("x", "y", "mag", "mag_err")}
    return source_rows(measurement.fit, columns)
