"""Summaries of artificial stars as they are kept in the survey's database."""

import dataclasses

import numpy as np

from exposures.plain_values import finite
from galproject.models import InjectionSummary
from galproject.processing.version import code_version
from galproject.validation.injection.comparison import Comparison
from galproject.validation.injection.options import InjectionOptions
from galproject.validation.injection.summary import Summary

# What a page shows; biases and pulls are in the report alone.
KEPT = ("completeness", "variables_found", "purity", "constant_changed")


def keep_summary(
    summary: Summary, comparison: Comparison, injection: InjectionOptions, reference
) -> InjectionSummary:
    """Store the summary of a run in the survey's database.

    ``reference`` are the ExposureFacts of the exposure that the stars were put into first.
    """
    rows = [finite(dataclasses.asdict(row)) for row in summary.rows if row.quantity in KEPT]
    return InjectionSummary.objects.create(
        code_version=code_version(),
        reference=reference.identifier,
        filter=reference.filter,
        n_searches=len(np.unique(comparison.on_searches["exposure"])),
        seed=injection.seed,
        n_rounds=injection.n_rounds,
        n_stars=summary.n_stars,
        n_measurements=summary.n_measurements,
        half_complete_mag=finite(summary.half_complete_mag),
        rows=rows,
    )
