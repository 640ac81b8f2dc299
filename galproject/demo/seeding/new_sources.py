"""Stars missing on a made-up survey's references: novae and moving objects."""

import numpy as np

from exposures.simulation.mosaic import FULL_SHAPE
from galproject.configuration.loading import load_options
from galproject.demo.seeding.stars import error_of, pointing
from galproject.demo.seeding.tables import MAG_OF_UNIT, ZERO_POINT, image_of
from photometry.models import GalReference
from variables.models import GalNewDetection
from variables.new_sources.association import replace_new_detections

FILTER = "i"  # the one with most epochs
N_NOVAE, N_MOVERS = 2, 2  # of a field, on its first chip
MARGIN_PIXELS = 250
OUTBURST_MAG = (16.0, 17.5)
FADING_MAG_A_DAY = 0.004
MOVER_MAG = (17.0, 18.5)


def add_new_sources(plan, series, stored):
    """Add new detections on the first chip of each field: sources and single detections."""
    done = set()
    for one in series:
        if one.filter == FILTER and one.patch.field not in done:
            done.add(one.patch.field)
            _add(one, stored, np.random.default_rng([plan.seed, 20, len(done)]))


def _add(series, stored, rng):
    n_epochs = len(series.exposures) - 1
    catalogue = GalReference.objects.get(image=image_of(series, 0, stored), active=True)
    found = {epoch: [] for epoch in range(1, n_epochs + 1)}
    for _ in range(N_NOVAE):
        place, mag = _place(rng), rng.uniform(*OUTBURST_MAG)
        # On three epochs at least: the later it comes, the fewer.
        first = int(rng.integers(1, max(2, n_epochs - 2)))
        begun = series.exposures[first].mjd
        for epoch in range(first, n_epochs + 1):
            faded = mag + FADING_MAG_A_DAY * (series.exposures[epoch].mjd - begun)
            found[epoch].append((place, faded))
    for _ in range(N_MOVERS):
        found[int(rng.integers(1, n_epochs + 1))].append((_place(rng), rng.uniform(*MOVER_MAG)))
    for epoch, seen in found.items():
        rows = [_detection(series, epoch, catalogue, star, rng) for star in seen]
        if rows:
            image = image_of(series, epoch, stored)
            replace_new_detections(image, rows, load_options().new_sources)


def _place(rng):
    ny, nx = FULL_SHAPE
    return rng.uniform(MARGIN_PIXELS, [nx - MARGIN_PIXELS, ny - MARGIN_PIXELS])


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
