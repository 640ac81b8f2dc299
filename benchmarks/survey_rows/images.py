"""Exposures, jobs, chips with their results, references and logs of a made-up survey."""

import json

import numpy as np

from exposures.models import GalOptionSet
from exposures.simulation.mosaic import FULL_SHAPE, PIXEL_DEGREES
from galproject.configuration.loading import load_options
from galproject.processing.version import RESULTS_VERSION, code_version

FIGURES = {"elongation": 0.08, "psf_width": 0.02, "doubled_share": 0.01, "brought_zero_point": 30.0}

# Exposure ``e`` is of the group e mod n_groups, the first of each group is its reference.
EXPOSURES = """
CREATE UNLOGGED TABLE fill.exposures AS
SELECT e, g, j, p.pointing, fill.filter(g) AS filter, j = 0 AS is_reference,
    57000.2 + floor(2000 * fill.u(e, 1)) + 0.3 * fill.u(e, 2) AS mjd,
    CASE WHEN j > 0 AND g >= %(first_waiting)s
              AND j > (%(n_exposures)s / %(n_groups)s) / 2 THEN 'waiting'
         WHEN j > 0 AND fill.u(e, 3) < 0.005 THEN 'pending' ELSE 'done' END AS state,
    CASE WHEN j = 0 THEN 0 ELSE 100 * fill.u(e, 4) - 50 END AS dither_x,
    CASE WHEN j = 0 THEN 0 ELSE 100 * fill.u(e, 5) - 50 END AS dither_y,
    p.ra, p.dec
FROM (SELECT e, mod(e, %(n_groups)s) AS g, e / %(n_groups)s AS j
      FROM generate_series(0, %(n_exposures)s - 1) AS e) AS numbered
JOIN fill.pointings AS p ON p.pointing = g / 3;

CREATE UNLOGGED TABLE fill.epochs AS
SELECT g, e, row_number() OVER (PARTITION BY g ORDER BY mjd)::int - 1 AS m,
    count(*) OVER (PARTITION BY g)::int AS n
FROM fill.exposures WHERE state = 'done' AND NOT is_reference;

INSERT INTO galfields (name, ra, dec, radius, filters, proposal, is_active)
SELECT 'field ' || pointing, ra, dec, 1, '{g,r,i}', '', pointing < 4 FROM fill.pointings;

INSERT INTO galexposures (id, instrument, identifier, filter, mjd, exposure_seconds, object_name,
    proposal, pipeline_version, ra, dec, ingested)
SELECT e + 1, 'decam', (600000 + e)::text, filter, mjd, 30, 'field ' || pointing, 'made up', 'V4.8',
    ra - dither_y * %(pixel)s / cos(radians(dec)), dec + dither_x * %(pixel)s,
    now() - interval '100 days' + e * interval '1 hour'
FROM fill.exposures;

INSERT INTO galjobs (id, option_set_id, again, queued, requested_by, created, closed, exposure_id)
SELECT e + 1, %(option_set)s::uuid, false, true, 'curator',
    now() - interval '90 days' + e * interval '30 minutes',
    CASE WHEN state = 'done' AND NOT (is_reference AND g >= %(first_waiting)s)
        THEN now() - interval '90 days' + e * interval '30 minutes' + interval '9 minutes' END,
    e + 1
FROM fill.exposures WHERE state <> 'pending';
"""
# Of an image that is not done there are no results; the first chip of a reference that others wait
# for is to be made again.
STAGED_IMAGES = """
CREATE UNLOGGED TABLE fill.images AS
SELECT e * %(n_chips)s::bigint + chip + 1 AS id, e, g, chip, ccdnum, name, x.is_reference, mjd,
    filter, x.dec + dither_x * %(pixel)s + north AS dec,
    x.ra + (east - dither_y * %(pixel)s) / cos(radians(x.dec)) AS ra,
    CASE WHEN is_reference AND g >= %(first_waiting)s AND chip = 0 THEN 'queued'
         WHEN is_reference OR state <> 'done' THEN state
         WHEN fill.u(e * 100 + chip, 6) < 0.004 THEN 'failed' ELSE 'done' END AS status,
    state AS exposure_state,
    NOT is_reference AND fill.u(e * 100 + chip, 7) < 0.0002 AS is_flagged,
    NOT is_reference AND fill.u(e * 100 + chip, 8) < 0.01 AS is_doubted
FROM fill.exposures AS x CROSS JOIN fill.chips;
CREATE UNIQUE INDEX ON fill.images (id);
ANALYZE fill.images;

-- The catalogues that images of each group are measured with, chip by chip: whatever their dither.
CREATE UNLOGGED TABLE fill.overlaps AS
WITH own AS MATERIALIZED (
    SELECT *, cos(radians(dec)) AS stretch FROM fill.images WHERE is_reference
)
SELECT a.g, a.chip, b.id AS catalogue,
    (1 - abs(a.dec - b.dec) / (2 * %(half_x)s))
        * (1 - abs(a.ra - b.ra) * a.stretch / (2 * %(half_y)s)) AS share
FROM own AS a JOIN own AS b ON b.filter = a.filter
    AND abs(a.dec - b.dec) < 2 * %(half_x)s - 0.005
    AND abs(a.ra - b.ra) * a.stretch < 2 * %(half_y)s - 0.005;
"""
# After the changes, which are counted for them.
RESULTS = """
INSERT INTO galimages (id, exposure_id, ccdnum, chip_name, path, hdu, is_reference, status, step,
    error, job_id, queued, attempts, host, width, height, ra, dec, radius, footprint, started,
    finished, reference_id, notes, fwhm_pixels, fwhm_arcsec, sky, sky_noise, masked_fraction,
    zero_point, zero_point_error, zero_point_source, chi2_nu, correction, astrometry,
    astrometric_rms_mas, n_detected, n_sources, n_variables, channel_columns, figures, doubts,
    is_doubted, option_set_id, code_version, results_version, files, data_version)
SELECT i.id, e + 1, ccdnum, name, '/data/made-up/c4d_' || e || '_ooi_' || filter || '_v1.fits.fz',
    ccdnum, is_reference, status, CASE status WHEN 'failed' THEN 'reading' ELSE '' END,
    CASE status WHEN 'failed' THEN 'the file is cut short. Fetch it again' ELSE '' END,
    CASE WHEN exposure_state <> 'pending' THEN e + 1 END,
    CASE WHEN status = 'queued' THEN now() END, (status IN ('done', 'failed'))::int,
    CASE WHEN has_results THEN 'galpipe' || 1 + mod(e, 4) ELSE '' END,
    CASE WHEN has_results THEN %(nx)s END, CASE WHEN has_results THEN %(ny)s END,
    CASE WHEN has_results THEN ra END, CASE WHEN has_results THEN dec END,
    CASE WHEN has_results THEN %(radius)s END,
    CASE WHEN has_results THEN ARRAY[ra - half_ra, dec + %(half_x)s, ra - half_ra, dec - %(half_x)s,
        ra + half_ra, dec - %(half_x)s, ra + half_ra, dec + %(half_x)s] END,
    CASE WHEN has_results THEN began END,
    CASE WHEN status IN ('done', 'failed') THEN began + interval '26 s' END,
    CASE WHEN has_results AND NOT is_reference THEN g * %(n_chips)s::bigint + chip + 1 END,
    '{}', CASE WHEN has_results THEN fwhm / 0.2626 END, CASE WHEN has_results THEN fwhm END,
    CASE WHEN has_results THEN 350 + 450 * fill.u(i.id, 11) END,
    CASE WHEN has_results THEN 10 + 6 * fill.u(i.id, 12) END,
    CASE WHEN has_results THEN 0.008 + 0.03 * fill.u(i.id, 13) END,
    CASE WHEN has_results THEN 30 - 0.1 * fill.u(e, 14) END,
    CASE WHEN has_results THEN 0.002 + 0.004 * fill.u(i.id, 15) END,
    CASE WHEN has_results THEN 'catalogue' ELSE '' END,
    CASE WHEN has_results AND NOT is_reference THEN 1 + 0.9 * fill.u(i.id, 16) END,
    CASE WHEN has_results AND NOT is_reference THEN jsonb_build_object('error_scale', 1.2,
        'catalogues', catalogues) END,
    CASE WHEN has_results THEN '{}'::jsonb END,
    CASE WHEN has_results THEN 5 + 20 * fill.u(i.id, 17) END,
    CASE WHEN has_results THEN 50000 + (20000 * fill.u(i.id, 18))::int END,
    CASE WHEN has_results THEN 60000 + (20000 * fill.u(i.id, 18))::int END,
    CASE WHEN has_results THEN coalesce(n_variables, 0) END, '{}',
    CASE WHEN has_results THEN %(figures)s::jsonb ELSE '{}' END,
    CASE WHEN has_doubts THEN '{depth_loss}'::varchar[] ELSE '{}' END, has_doubts,
    CASE WHEN has_results THEN %(option_set)s::uuid END,
    CASE WHEN has_results THEN %(version)s ELSE '' END,
    CASE WHEN has_results THEN %(results_version)s ELSE 0 END, '{}', ''
FROM (SELECT *, status = 'done' OR is_reference AS has_results,
        %(half_y)s / cos(radians(dec)) AS half_ra, 0.85 + 0.7 * fill.u(e, 10) AS fwhm,
        now() - interval '90 days' + e * interval '30 minutes' + ccdnum * interval '7 s' AS began,
        status = 'done' AND is_doubted AS has_doubts
      FROM fill.images) AS i
JOIN (SELECT g, chip, jsonb_agg(catalogue ORDER BY catalogue) AS catalogues
    FROM fill.overlaps GROUP BY 1, 2) AS o USING (g, chip)
LEFT JOIN (SELECT galimage_id, count(*) AS n_variables FROM galvarobjs
    WHERE failed_cuts = 0 AND NOT is_flagged AND kind <> 'new' GROUP BY 1) AS v
    ON v.galimage_id = i.id
ORDER BY i.id;
"""
# The catalogue of a reference image has its number.
REFERENCES = """
INSERT INTO galreferences (id, option_set_id, code_version, created, active, n_sources, image_id,
    mjd, filter, identifier, n_motion_images)
SELECT id, %(option_set)s::uuid, %(version)s, now() - interval '90 days', true,
    n_sources, id, mjd, filter, (600000 + e)::text, 0
FROM fill.images AS i JOIN (SELECT catalogue, count(*) AS n_sources FROM fill.sources
    WHERE kind <> 'new' GROUP BY 1) AS s ON s.catalogue = i.id
WHERE is_reference ORDER BY id;

INSERT INTO galcoverages (image_id, catalogue_id, n_sources, n_non_detections, mjd, filter,
    identifier)
SELECT i.id, o.catalogue, (o.share * (60000 + 20000 * fill.u(i.id, 18)))::int,
    (500 * o.share * fill.u(i.id, 22))::int, i.mjd, i.filter, (600000 + i.e)::text
FROM fill.images AS i JOIN fill.overlaps AS o USING (g, chip)
WHERE status = 'done' AND NOT is_reference ORDER BY i.id;

INSERT INTO galreferencesets (option_set_id, code_version, updated, n_sources, n_at_fault, image_id)
SELECT %(set_option_set)s::uuid, %(version)s, now(), 60000, 20, id
FROM fill.images WHERE is_reference AND mod(g, 2) = 0 ORDER BY id;

INSERT INTO galreferencemembers (added, added_by, image_id, reference_set_id)
SELECT now(), 'curator', i.id, s.id FROM galreferencesets AS s
JOIN fill.images AS r ON r.id = s.image_id
JOIN fill.epochs AS x ON x.g = r.g AND x.m < 3
JOIN fill.images AS i ON i.e = x.e AND i.chip = r.chip AND i.status = 'done';
"""
# Lines of all chips in the order of time; some warn, those of failures are errors.
CHECKPOINTS = """
INSERT INTO galcheckpoints (exposure_id, ccdnum, step, level, note, value, time, host)
SELECT e + 1, ccdnum, fill.one_of('{read,reduced,stored}', (line + 0.5) / 3),
    CASE WHEN fill.u(id * 8 + run, 30) < 0.01 THEN 'warning' ELSE 'info' END,
    CASE WHEN line = 2 AND fill.u(id * 8 + run, 31) < 0.3
        THEN '3 detections that the reference does not have' ELSE '' END,
    CASE line WHEN 0 THEN NULL ELSE 60000 + (9000 * fill.u(id, 32))::int END,
    now() - interval '90 days' + run * interval '10 days' + e * interval '5 min'
        + ccdnum * interval '2 s' + line * interval '8 s',
    'galpipe' || 1 + mod(e, 4)
FROM generate_series(0, %(n_logs)s - 1) AS run
CROSS JOIN fill.images CROSS JOIN generate_series(0, 2) AS line
WHERE status = 'done';

INSERT INTO galcheckpoints (exposure_id, ccdnum, step, level, note, value, time, host)
SELECT e + 1, ccdnum, 'failed', 'error', 'the file is cut short. Fetch it again', NULL::float8,
    now() - interval '9 days', 'galpipe1'
FROM fill.images WHERE status = 'failed'
UNION ALL
SELECT e + 1, 0, step, 'info', %(n_chips)s || ' chips', NULL, now() - interval '9 days', 'galpipe1'
FROM fill.exposures, unnest('{entered,asked,closed,cross-matched}'::text[]) AS step
WHERE state <> 'pending'
UNION ALL
SELECT e + 1, 0, 'reference chosen', 'info', 'by curator', NULL, now() - interval '95 days', ''
FROM fill.exposures WHERE is_reference;
"""


def numbers() -> dict:
    """What statements name: the geometry of a chip, and what results are made by."""
    (ny, nx), options = FULL_SHAPE, load_options().as_json()
    return {
        "pixel": PIXEL_DEGREES,
        "nx": nx,
        "ny": ny,
        "half_x": nx * PIXEL_DEGREES / 2,
        "half_y": ny * PIXEL_DEGREES / 2,
        "radius": float(np.hypot(nx, ny)) * PIXEL_DEGREES / 2,
        "option_set": str(GalOptionSet.objects.of(options).hash),
        "set_option_set": str(GalOptionSet.objects.of(options["reference_sets"]).hash),
        "figures": json.dumps(FIGURES),
        "version": code_version(),
        "results_version": RESULTS_VERSION,
    }
