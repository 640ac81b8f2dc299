"""Results of the recognition of extended sources, and of their treatment as one object."""

from types import SimpleNamespace

import numpy as np

from exposures.science.quantities import Options
from photometry.reduction.extended_sources import extended_flags
from tests.builders.galaxies import RADIUS, galaxy_among_stars, psf


def flagged(options: Options):
    """The flags of the sources of a galaxy and of stars round it."""
    field = galaxy_among_stars()
    image, fit = field.scene.image, field.fit
    reduction = SimpleNamespace(
        data=image.data,
        model_weight=image.weight,
        chip=SimpleNamespace(mask=image.mask),
        detections=SimpleNamespace(psf=psf()),
        scale_arcsec=2.0 / RADIUS,
    )
    columns = {**vars(fit), "x": field.sources.x, "y": field.sources.y}
    names = ("x", "y", "flux", "flux_err", "quality", "flags")
    rows = np.rec.fromarrays([columns[name] for name in names], names=list(names))
    return extended_flags(reduction, rows, fit, options.reduction).tolist()
