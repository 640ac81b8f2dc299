"""Stars missing on a made-up survey's references: the simulator's novae and movers."""

import numpy as np

from exposures.simulation.mosaic import FULL_SHAPE
from exposures.simulation.stars import magnitudes_at, positions_at
from galproject.configuration.loading import load_options
from galproject.demo.seeding.stars import FAINTEST_MAG, error_of, is_inside, pointing
from galproject.demo.seeding.tables import MAG_OF_UNIT, ZERO_POINT, image_of
from photometry.models import GalReference
from photometry.storage.left_over import LEFT_OVER_DTYPE, store_left_over
from variables.models import GalNewDetection
from variables.new_sources.association import replace_new_detections

FILTER = "i"  # the one with most epochs
MARGIN_PIXELS = 250


def add_new_sources(plan, series, stored):
    """Detections of what is new on every chip, on the exposures on which it is bright."""
    for number, one in enumerate(series):
        if one.filter == FILTER:
            _add(one, stored, np.random.default_rng([plan.seed, 20, number]))


def _add(series, stored, rng):
    catalogue = GalReference.objects.get(image=image_of(series, 0, stored), active=True)
    # Nothing in their places: they are new, however steady.
    store_left_over(catalogue, np.zeros(0, LEFT_OVER_DTYPE))
    for epoch in range(1, len(series.exposures)):
        rows = [_detection(series, epoch, catalogue, star, rng) for star in _seen(series, epoch)]
        if rows:
            image = image_of(series, epoch, stored)
            replace_new_detections(image, rows, load_options().new_sources)


def _seen(series, epoch):
    """Positions (x, y) and magnitudes of the new stars that an epoch shows on the chip."""
    patch, mjd = series.patch, series.exposures[epoch].mjd
    wcs = pointing(patch.field).wcs(patch.detector, FULL_SHAPE)
    mag = magnitudes_at(patch.new, mjd)
    ra, dec = positions_at(patch.new, mjd)
    x, y = wcs.all_world2pix(ra, dec, 0)
    seen = (mag < FAINTEST_MAG) & is_inside(x, y, MARGIN_PIXELS)
    return [((x[i], y[i]), mag[i]) for i in np.flatnonzero(seen)]


def _detection(series, epoch, catalogue, star, rng):
    (x, y), true_mag = star
    exposed, detector = series.exposures[epoch], series.patch.detector
    ra, dec = pointing(exposed.field).wcs(detector, FULL_SHAPE).all_pix2world(x, y, 0)
    err = float(error_of(true_mag, exposed))
    mag = float(true_mag + rng.normal(0, err))
    flux = float(10 ** (-0.4 * (mag - (ZERO_POINT - exposed.clouds_mag))))
    return GalNewDetection(
        catalogue=catalogue,
        ra=float(ra),
        dec=float(dec),
        reference_x=float(x),
        reference_y=float(y),
        x=float(x + exposed.dither[0]),
        y=float(y + exposed.dither[1]),
        flux=flux,
        flux_err=flux * err / MAG_OF_UNIT,
        mag=mag,
        mag_err=err,
        significance=MAG_OF_UNIT / err,
        rchi2=1.0,
        fracflux=0.9,
        quality=1.0,
        flags=0,
    )
