"""The errors that the pipeline should save for artificial stars, and what is significant then."""

from dataclasses import dataclass

import numpy as np

from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.calibration.error_model import Surroundings
from photometry.science.calibration.halos import neighbours_light
from photometry.science.injection import Stars, expected_errors
from photometry.science.weighted_image import WeightedImage


@dataclass(frozen=True)
class Neighbours:
    """The sources of an image among which artificial stars are put."""

    stars: Stars
    flux_err: np.ndarray  # (n,) ADU, of the fit

    @classmethod
    def of_reference(cls, rows):
        """The sources in ``rows`` (n,) of a reference image."""
        x, y, flux, flux_err = (rows[name].astype("f8") for name in ("x", "y", "flux", "flux_err"))
        return cls(Stars(x, y, flux), flux_err)

    @classmethod
    def of_search(cls, measured):
        """The sources of a SearchMeasurement, as bright as the reference predicts."""
        stars = Stars(measured.x, measured.y, measured.expected_flux)
        return cls(stars, measured.fit.flux_err)


def fitted_errors(reduction, stars, neighbours, options):
    """ExpectedErrors of ``stars`` by the forced fit of an image, as ReductionOptions say."""
    chip = reduction.chip
    image = WeightedImage(reduction.detections.model, reduction.model_weight, chip.mask)
    psf = reduction.detections.psf
    return expected_errors(image, psf, stars, neighbours.stars, chip.gain_map(), options.forced)


def saved_errors(errors, stars, neighbours, fitted, on_reference):
    """(n,) errors in mag by the ImageErrors of an image whose fit gives ``fitted`` ones.

    Errors vary with ``on_reference``, magnitudes and fracflux (n,) there.
    """
    everything = stars.with_others(neighbours.stars)
    flux_err = np.concatenate([fitted.flux_err, neighbours.flux_err])
    place = everything.x, everything.y
    light = neighbours_light(errors.wings, place, everything.flux, flux_err)[: len(stars)]
    near = Surroundings(*on_reference, light)
    return MAG_PER_LN * errors.model.flux_errors(stars.flux, fitted.flux_err, near) / stars.flux


def expected_sigma(delta, mag_err, reference_err, in_flux=True):
    """(n,) significance of changes ``delta`` (n,) mag with the errors of both images, (n,) mag.

    As the pipeline selects changes: ``in_flux`` with the errors of the fluxes, else in magnitudes.
    """
    if not in_flux:
        return np.abs(delta) / np.hypot(mag_err, reference_err)
    ratio = 10 ** (-0.4 * delta)
    return np.abs(ratio - 1) * MAG_PER_LN / np.hypot(ratio * mag_err, reference_err)
