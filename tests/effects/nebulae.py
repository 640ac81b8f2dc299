"""Results of images with nebulae."""

import numpy as np

from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference_errors
from tests.builders.nebulae import with_nebulae
from tests.effects.chips import base_reduction


def measured(options):
    """Fluxes of a reference's sources on a search image of the same nebulae."""
    reduction = options.reduction
    reference, search = with_nebulae(base_reduction("reference"), base_reduction("search"))
    found = measure_reference_errors(reference, reduction)
    sources = found.sources
    sources["galimage_id"], sources["refsource_id"] = 1, np.arange(len(sources))
    skies = {1: found.sky} if found.sky.is_kept(reduction.reference_sky) else {}
    return measure_search(search, sources, reduction, skies=skies).fit.flux
