"""A made-up survey in the tables: exposures, images, catalogues, measurements and changes."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from astropy.time import Time
from django.db import connection
from django.utils import timezone

from exposures.chip import MaskBit
from exposures.models import (
    GalCheckpoint,
    GalExposure,
    GalField,
    GalImage,
    GalJob,
    GalOptionSet,
    Status,
)
from exposures.science.angles import wrap_ra
from exposures.simulation.mosaic import FULL_SHAPE, PIXEL_DEGREES
from exposures.source_ids import catalogue_of
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.demo.seeding.stars import SATURATED_MAG, SeededExposure, pointing
from galproject.processing.version import RESULTS_VERSION, code_version
from photometry.storage import storage
from photometry.storage.columns import SOURCE_DTYPE
from variables.models import Cut, GalVarObj

PROPOSAL = "seed_demo"  # by which made-up exposures are told from others
ZERO_POINT = 30.0
ERROR_SCALE = 1.2  # by which uncertainties on search images were expanded
MAG_OF_UNIT = 1.0857  # magnitudes of a relative change
ASTROMETRY_MAS = 20.0
LAST_MJD = 58200.1
WHY_FAILED = "the file is cut short. Fetch it again"
SCALE_ARCSEC = PIXEL_DEGREES * 3600


@dataclass(frozen=True)
class Stored:
    """Where the survey's images are: {(exposure number, ccdnum): GalImage}."""

    images: dict


def store_exposures(plan, exposures, patches) -> Stored:
    """Rows of galexposures, galimages, galjobs and galcheckpoints, without a result yet."""
    rows = [_exposure_row(plan, e) for e in exposures]
    by_number = dict(
        zip([e.number for e in exposures], GalExposure.objects.bulk_create(rows), strict=True)
    )
    requested_at = timezone.now() - timedelta(days=3)
    jobs = {
        number: GalJob(
            exposure=row, requested_by="seed_demo", closed=requested_at + timedelta(minutes=9)
        )
        for number, row in by_number.items()
    }
    GalJob.objects.bulk_create(jobs.values())
    GalJob.objects.filter(pk__in=[j.pk for j in jobs.values()]).update(created=requested_at)
    options, images = GalOptionSet.objects.of(PipelineOptions().as_json()), {}
    for e in exposures:
        rng = np.random.default_rng([plan.seed, 15, e.number])
        for patch in patches:
            if patch.field == e.field:
                image = _image_row(e, patch, by_number[e.number], jobs[e.number], requested_at, rng)
                image.option_set = options
                images[e.number, patch.detector.ccdnum] = image
    GalImage.objects.bulk_create(images.values())
    _store_logs(images.values())
    return Stored(images)


def store_unmeasured(plan, patches):
    """An exposure of each field on which every chip failed, and one that nobody asked for."""
    for number, field in enumerate(plan.fields):
        detectors = [patch.detector for patch in patches if patch.field == field]
        for offset, status in ((0, Status.FAILED), (100, Status.PENDING)):
            e = SeededExposure(
                field, "i", 610_000 + offset + number, LAST_MJD + number, False, (0, 0), 1, 0
            )
            exposure = _exposure_row(plan, e)
            exposure.save()
            _store_unmeasured_chips(exposure, detectors, status)


def _store_unmeasured_chips(exposure, detectors, status):
    is_failed, now = status == Status.FAILED, timezone.now()
    job = GalJob.objects.create(exposure=exposure, closed=now) if is_failed else None
    for detector in detectors:
        place = f"made-up/c4d_{exposure.identifier}_ooi_i_v1.fits.fz"
        error = f"{place}[{detector.name}]: {WHY_FAILED}" if is_failed else ""
        image = GalImage.objects.create(
            exposure=exposure,
            ccdnum=detector.ccdnum,
            chip_name=detector.name,
            path=place,
            hdu=detector.ccdnum,
            status=status,
            job=job,
            error=error,
            step="reading" if is_failed else "",
            host="galpipe2" if is_failed else "",
            finished=now if is_failed else None,
        )
        if is_failed:
            level = GalCheckpoint.Level.ERROR
            GalCheckpoint.objects.note(image, "failed", error, level=level, host="galpipe2")


def store_fields(plan):
    """The fields as ones that could be followed; none of them is."""
    for field in plan.fields:
        centre = pointing(field)
        GalField.objects.get_or_create(
            name=field.name,
            defaults={"ra": centre.ra, "dec": centre.dec, "is_active": False, "radius": 1.0},
        )


def _exposure_row(plan, e):
    centre = pointing(e.field, e.dither)
    return GalExposure(
        instrument="decam",
        identifier=str(e.number),
        filter=e.filter,
        mjd=e.mjd,
        exposure_seconds=30.0,
        object_name=e.field.name,
        proposal=PROPOSAL,
        pipeline_version=plan.label,
        ra=centre.ra,
        dec=centre.dec,
    )


def _image_row(e, patch, exposure, job, requested_at, rng):
    ny, nx = FULL_SHAPE
    wcs = pointing(e.field, e.dither).wcs(patch.detector, FULL_SHAPE)
    x, y = [-0.5, nx - 0.5, nx - 0.5, -0.5, nx / 2], [-0.5, -0.5, ny - 0.5, ny - 0.5, ny / 2]
    ra, dec = wcs.all_pix2world(x, y, 0)
    start = requested_at + timedelta(seconds=27 * patch.detector.ccdnum % 400)
    night = Time(e.mjd, format="mjd").strftime("%y%m%d_%H%M%S")
    return GalImage(
        exposure=exposure,
        ccdnum=patch.detector.ccdnum,
        chip_name=patch.detector.name,
        path=f"made-up/c4d_{night}_ooi_{e.filter}_v1.fits.fz",
        hdu=patch.detector.ccdnum,
        is_reference=e.is_reference,
        status=Status.DONE,
        job=job,
        attempts=1,
        host="galpipe1",
        width=nx,
        height=ny,
        ra=float(ra[4]),
        dec=float(dec[4]),
        radius=0.5 * float(np.hypot(nx, ny)) * PIXEL_DEGREES,
        footprint=np.column_stack([ra[:4], dec[:4]]).ravel().tolist(),
        fwhm_arcsec=e.fwhm_arcsec * float(rng.uniform(0.98, 1.03)),
        fwhm_pixels=e.fwhm_arcsec / SCALE_ARCSEC,
        sky=float(rng.uniform(350, 800)),
        sky_noise=float(rng.uniform(10, 16)),
        masked_fraction=float(rng.uniform(0.008, 0.04)),
        zero_point=ZERO_POINT - e.clouds_mag + float(rng.normal(0, 0.01)),
        zero_point_error=float(rng.uniform(0.002, 0.006)),
        chi2_nu=None if e.is_reference else float(rng.uniform(1.0, 1.9)),
        astrometric_rms_mas=float(rng.uniform(15, 34) if e.is_reference else rng.uniform(5, 12)),
        code_version=code_version(),
        results_version=RESULTS_VERSION,
        started=start,
        finished=start + timedelta(seconds=26),
    )


def _store_logs(images):
    lines = [
        GalCheckpoint(
            exposure_id=image.exposure_id, ccdnum=image.ccdnum, step=step, host="galpipe1"
        )
        for image in images
        for step in ("read", "reduced", "stored")
    ]
    GalCheckpoint.objects.bulk_create(lines, batch_size=2000)


def store_series(series, stored):
    """A catalogue with its partition, what was measured with it, and what changed."""
    ids = _store_catalogue(series, stored)
    reference, catalogue_id = image_of(series, 0, stored), catalogue_of(int(ids[0]))
    for epoch in range(1, len(series.exposures)):
        image = image_of(series, epoch, stored)
        rows = _source_rows(series, epoch, image.zero_point)
        rows["refsource_id"] = ids
        is_gone = series.vanished[:, epoch]
        rows["mag"][is_gone] = rows["mag_err"][is_gone] = np.nan
        rows["flux"][is_gone] = -0.3 * rows["flux_err"][is_gone]
        on_chip = series.is_on_chip[:, epoch]
        kept, gone = rows[on_chip & ~is_gone], rows[on_chip & is_gone]
        image.correction = {"catalogues": [catalogue_id], "error_scale": ERROR_SCALE}
        image.n_sources = storage.replace_measurements(image, kept, gone)
        image.n_detected = int(0.9 * image.n_sources)
        image.reference = reference
        changes = _changes(series, epoch, ids, rows, image)
        GalVarObj.objects.bulk_create(changes, batch_size=2000)
        image.n_variables = sum(change.failed_cuts == 0 for change in changes)
    columns = ["n_sources", "n_detected", "reference", "n_variables", "correction"]
    images = [image_of(series, k, stored) for k in range(len(series.exposures))]
    GalImage.objects.bulk_update(images, columns)


def image_of(series, epoch, stored):
    """The GalImage of an epoch of a series."""
    return stored.images[series.exposures[epoch].number, series.patch.detector.ccdnum]


def _store_catalogue(series, stored):
    """(n_stars,) the ids of the stars in the new catalogue."""
    image = image_of(series, 0, stored)
    rows = _source_rows(series, 0, image.zero_point)
    catalogue = storage.create_catalogue(image, rows, image.options, image.code_version)
    image.n_sources = image.n_detected = len(rows)
    saved = storage.catalogue_sources(catalogue)
    ids = np.empty(len(rows), "i8")
    # The catalogue is in the order of the sky; positions say which star is which.
    ids[np.lexsort((rows["dec"], rows["ra"]))] = saved["refsource_id"][
        np.lexsort((saved["dec"], saved["ra"]))
    ]
    return ids


def _source_rows(series, epoch, zero_point):
    """An array of SOURCE_DTYPE: what was measured on one exposure, without ids."""
    patch, exposed = series.patch, series.exposures[epoch]
    rng = np.random.default_rng([16, exposed.number, patch.detector.ccdnum])
    n, cuts = len(series.mag), series.failed_cuts[:, epoch]
    rows = np.zeros(n, SOURCE_DTYPE)
    rows["ra"], rows["dec"] = _positions(series)
    rows["x"], rows["y"] = patch.x + exposed.dither[0], patch.y + exposed.dither[1]
    rows["mag"], rows["mag_err"] = series.mag[:, epoch], series.mag_err[:, epoch]
    rows["flux"] = 10 ** (-0.4 * (rows["mag"] - zero_point))
    # As it was fitted: on search images those of magnitudes were expanded since.
    scale = 1.0 if epoch == 0 else ERROR_SCALE
    rows["flux_err"] = rows["flux"] * rows["mag_err"] / MAG_OF_UNIT / scale
    rows["rchi2"] = rng.gamma(20, 0.05, n) * np.where(cuts & Cut.SEARCH_RCHI2, 4, 1)
    rows["fracflux"] = np.where(cuts & Cut.BLENDED, 0.1, rng.uniform(0.5, 1, n))
    rows["quality"] = np.where(cuts & Cut.MASKED, 0.6, 1.0)
    rows["flags"] = np.where(series.mag[:, 0] < SATURATED_MAG, int(MaskBit.SATURATED), 0)
    rows["is_reference"] = epoch == 0
    return rows


def _positions(series):
    """Right ascension and declination of the stars as the catalogue has them, degrees."""
    patch, number = series.patch, series.exposures[0].number
    rng = np.random.default_rng([18, number, patch.detector.ccdnum])
    d_ra, d_dec = rng.normal(0, ASTROMETRY_MAS / 3.6e6, (2, len(patch.x)))
    dec = patch.stars["dec"] + d_dec
    return wrap_ra(patch.stars["ra"] + d_ra / np.cos(np.radians(dec))), dec


def _changes(series, epoch, ids, rows, image):
    """Objects for galvarobjs of one image."""
    delta, delta_err = series.delta_mag[:, epoch], series.delta_mag_err[:, epoch]
    significance, vanished = series.significance[:, epoch], series.vanished[:, epoch]
    changes = []
    for i in np.flatnonzero(series.changed[:, epoch]):
        gone = bool(vanished[i])
        kind = GalVarObj.Kind.BRIGHTER if delta[i] < 0 else GalVarObj.Kind.FAINTER
        changes.append(
            GalVarObj(
                refsource_id=int(ids[i]),
                image=image,
                ra=float(rows["ra"][i]),
                dec=float(rows["dec"][i]),
                x=float(rows["x"][i]),
                y=float(rows["y"][i]),
                kind=GalVarObj.Kind.VANISHED if gone else kind,
                delta_mag=None if gone else float(delta[i]),
                delta_mag_err=None if gone else float(delta_err[i]),
                significance=float(significance[i]),
                reference_mag=float(series.mag[i, 0]),
                flux=float(rows["flux"][i]),
                flux_err=float(rows["flux_err"][i]),
                failed_cuts=int(series.failed_cuts[i, epoch]),
            )
        )
    return changes


def analyse():
    """Let the planner know the tables as autovacuum soon would."""
    with connection.cursor() as cursor:
        for table in ("galvarobjs", "galimages", "galexposures", "galcoverages", "galcheckpoints"):
            cursor.execute(f"ANALYZE {table}")
