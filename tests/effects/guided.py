"""Results of search chips that are calibrated by the stars of their reference."""

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.ndimage import shift

from photometry.reduction.guided import Guide
from photometry.reduction.reduction import reduce_chip
from tests.effects.chips import base_reduction, base_sources, chip_of, facts_of, night

N_UNLISTED, N_CHANGED = 6, 60  # of the brightest stars


def _reduced(chip, sources, options):
    facts, _ = chip_of(night().searches[0])
    reduction = options.reduction
    guide = Guide.of(chip, sources, sources["ra"], sources["dec"])
    found = reduce_chip(chip, facts, None, reduction.search_detection, reduction, guide)
    peaks = found.detections.peaks
    return (
        *facts_of(found),
        found.detections.model[::5, ::5],
        [] if peaks is None else [peaks.x, peaks.y, peaks.is_clean],
    )


def reduced(options):
    """A search chip, whose reference lacks some of its bright stars."""
    sources = base_sources()
    unlisted = np.argsort(-sources["flux"])[4 : 4 + N_UNLISTED]
    return _reduced(base_reduction("search").chip, np.delete(sources, unlisted), options)


def changed(options):
    """A search chip of whose bright stars some have changed."""
    sources = base_sources().copy()
    brightest = np.argsort(-sources["flux"])[:N_CHANGED:5]
    sources["flux"][brightest] *= 4
    return _reduced(base_reduction("search").chip, sources, options)


@cache
def _doubled_chip():
    """A search chip on which each star has a companion, by a jump of the telescope."""
    chip = base_reduction("search").chip
    level = np.median(chip.data)
    companions = 0.3 * shift(chip.data - level, (0, 14), order=1)
    return replace(chip, data=(chip.data + companions).astype("f4"))


def doubled(options):
    """A search chip whose PSF leaves much light."""
    return _reduced(_doubled_chip(), base_sources(), options)
