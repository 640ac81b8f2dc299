"""Stars of a made-up survey, and what is known of their sources besides changes."""

# A star is on one chip of one field; it is a source in one filter, two or three. Ids of objects go
# field by field, as a cross-match gives them.
SOURCES = """
CREATE UNLOGGED TABLE fill.stars AS
SELECT star, pointing, chip, ccdnum, 2045 * fill.u(star, 42) AS x, 4093 * fill.u(star, 43) AS y,
    22 - 1.6 * -ln(1 - 0.99 * fill.u(star, 44)) AS mag, 1.2 * fill.normal(star, 45) AS colour,
    CASE WHEN fill.u(star, 46) < 0.1 THEN 3 WHEN fill.u(star, 46) < 0.3 THEN 2 ELSE 1
        END AS n_filters,
    floor(3 * fill.u(star, 47))::int AS first_filter,
    CASE WHEN fill.u(star, 48) < 0.9 AND fill.u(star, 49) >= 0.03
        THEN row_number() OVER (ORDER BY pointing, star) END AS object_id,
    CASE WHEN fill.u(star, 49) < 0.03 THEN 'new' WHEN fill.u(star, 49) < 0.07 THEN 'varies'
        ELSE 'changed' END AS kind
FROM (SELECT star, floor(%(n_pointings)s * fill.u(star, 40))::int AS pointing,
          floor(%(n_chips)s * fill.u(star, 41))::int AS chip
      FROM generate_series(1, %(n_stars)s::bigint) AS star) AS placed
JOIN fill.chips USING (chip);

-- Constant stars, too: twenty on each reference, and one on all those that show one position.
CREATE UNLOGGED TABLE fill.sources AS
SELECT catalogue << 20 | (row_number() OVER (
        PARTITION BY catalogue ORDER BY kind = 'new', kind = 'constant', star
    ) - 1) AS refsource_id, *
FROM (
    SELECT g * %(n_chips)s::bigint + chip + 1 AS catalogue, g, chip, star, object_id, kind, x, y,
        p.ra + (east + (y - 2046.5) * %(pixel)s) / cos(radians(p.dec)) AS ra,
        p.dec + north - (x - 1022.5) * %(pixel)s AS dec,
        mag + colour * (1 - mod(g, 3)) AS mag, colour, star * 3 + mod(g, 3) AS number
    FROM (SELECT *, pointing * 3 + mod(first_filter + f, 3) AS g
          FROM fill.stars CROSS JOIN LATERAL generate_series(0, n_filters - 1) AS f) AS s
    JOIN fill.chips USING (chip, ccdnum) JOIN fill.pointings AS p USING (pointing)
    UNION ALL
    SELECT g * %(n_chips)s::bigint + chip + 1, g, chip, NULL, NULL, 'constant',
        2045 * fill.u(i.id * 21 + k, 50), 4093 * fill.u(i.id * 21 + k, 51),
        i.ra + (2 * fill.u(i.id * 21 + k, 51) - 1) * %(half_y)s / cos(radians(i.dec)),
        i.dec - (2 * fill.u(i.id * 21 + k, 50) - 1) * %(half_x)s,
        14 + 7 * fill.u(i.id * 21 + k, 52), 0, -(i.id * 21 + k)
    FROM fill.images AS i CROSS JOIN generate_series(0, 19) AS k WHERE i.is_reference
    UNION ALL
    SELECT g * %(n_chips)s::bigint + chip + 1, g, chip, NULL, NULL, 'constant',
        1022.5 - (c.dec - i.dec) / %(pixel)s,
        2046.5 + (c.ra - i.ra) * cos(radians(i.dec)) / %(pixel)s, c.ra, c.dec, 17, 0,
        -(i.id * 21 + 20)
    FROM fill.images AS i CROSS JOIN fill.crowded_position AS c
    WHERE i.is_reference AND abs(c.dec - i.dec) < %(half_x)s
        AND abs(c.ra - i.ra) * cos(radians(i.dec)) < %(half_y)s
) AS numbered;
CREATE UNIQUE INDEX ON fill.sources (refsource_id);
ANALYZE fill.sources;
"""
# The corner of the first four fields, moved to where most references show it.
CROWDED_POSITION = """
CREATE UNLOGGED TABLE fill.crowded_position AS
WITH shown AS MATERIALIZED (
    SELECT id, ra, dec FROM fill.images WHERE is_reference AND mod(g, 3) = 0 AND g < 12
), tried AS MATERIALIZED (
    SELECT ra + 0.12 * (fill.u(id, k) - 0.5) AS ra, dec + 0.25 * (fill.u(id, k + 8) - 0.5) AS dec
    FROM shown CROSS JOIN generate_series(60, 67) AS k
)
SELECT t.ra, t.dec FROM tried AS t JOIN shown AS i
    ON abs(t.dec - i.dec) < %(half_x)s - 0.002
    AND abs(t.ra - i.ra) * cos(radians(i.dec)) < %(half_y)s - 0.002
GROUP BY t.ra, t.dec ORDER BY count(*) DESC, t.ra LIMIT 1;

INSERT INTO galfields (name, ra, dec, radius, filters, proposal, is_active)
SELECT %(crowded)s, ra, dec, 1, '{}', '', false FROM fill.crowded_position;
"""
OBJECTS = """
INSERT INTO galobjectsources (refsource_id, ra, dec, mag, filter, object_id)
SELECT refsource_id, ra, dec, mag, fill.filter(g), object_id
FROM fill.sources WHERE object_id IS NOT NULL ORDER BY object_id;

INSERT INTO galobjects (id, ra, dec, n_sources, n_filters, kind)
SELECT object_id, avg(ra), avg(dec), count(*), count(DISTINCT filter),
    CASE WHEN count(*) = 1 THEN 1 ELSE 2 END
FROM galobjectsources GROUP BY object_id ORDER BY object_id;
"""
NEW_SOURCES = """
INSERT INTO galnewsources (refsource_id, ra, dec, x, y, created, catalogue_id)
SELECT refsource_id, ra, dec, x, y, now() - interval '80 days', catalogue
FROM fill.sources WHERE kind = 'new';

INSERT INTO galnewdetections (ra, dec, reference_x, reference_y, x, y, flux, flux_err, mag, mag_err,
    significance, rchi2, fracflux, quality, flags, failed_cuts, catalogue_id, galimage_id,
    refsource_id)
SELECT v.ra, v.dec, s.x, s.y, v.x, v.y, v.flux, v.flux_err, s.mag, 0.03, v.significance, 1, 0.9, 1,
    0, v.failed_cuts, s.catalogue, v.galimage_id, s.refsource_id
FROM galvarobjs AS v JOIN fill.sources AS s USING (refsource_id) WHERE s.kind = 'new';
"""
# Of those that vary by all epochs few constant stars seem to vary as much.
VARIABILITY = """
INSERT INTO galvariability (refsource_id, mean_mag, robust_mag, sigma_mad, iqr_mag, range_mag,
    chi2_nu, excess_mag, excess_err, deviation_mag, deviation_sigma, skewness, stetson_j, stetson_k,
    von_neumann, slope_mag, slope_err, n_epochs, flags, false_alarm, followed_share,
    measured_chi2_nu, measured_excess_mag, measured_range_mag, measured_sigma_mad,
    neighbour_correlation)
SELECT refsource_id, mag, mag, scatter, 1.35 * scatter, 3.3 * scatter, (scatter / 0.01) ^ 2,
    CASE WHEN scatter > 0.015 THEN scatter ELSE 'NaN' END, 0.002, 2.5 * scatter,
    2.5 * scatter / 0.01, fill.normal(number, 71), 0.3, 0.8, 2 * fill.u(number, 72), 0, 0.01,
    n + 1, 0, false_alarm, 0.1, (scatter / 0.01) ^ 2,
    CASE WHEN scatter > 0.015 THEN scatter ELSE 'NaN' END, 3.3 * scatter, scatter,
    fill.u(number, 73) - 0.5
FROM (SELECT *, 10 ^ (-2 + 1.7 * fill.u(number, 70)) AS scatter,
        10 ^ CASE WHEN kind = 'varies' OR kind = 'changed' AND fill.u(number, 74) < 0.05
            THEN -5 - 6 * fill.u(number, 75) ELSE -4 * fill.u(number, 75) END AS false_alarm
      FROM fill.sources) AS s
JOIN (SELECT g, max(n) AS n FROM fill.epochs GROUP BY g) AS looked USING (g)
WHERE kind <> 'new';

INSERT INTO galvariabilityruns (catalogue_id, measured, digest, n_images, n_sources)
SELECT id, now() - interval '5 days', 'made up', 20, n_sources FROM galreferences;

INSERT INTO galperiods (refsource_id, days, error_days, power, false_alarm, n_cycles, amplitude_mag,
    r21, phi21, r31, phi31, rank, n_harmonics, alias, alias_of, n_epochs, n_filters)
SELECT refsource_id, days, 1e-5 * days, 0.9, 1e-6, 1500 / days, 0.3, 0.4, 2.1, 0.2, 4.2, 1, 2, 0, 0,
    40, 1
FROM (SELECT refsource_id, 10 ^ (-1 + 3 * fill.u(number, 81)) AS days FROM fill.sources
      WHERE kind IN ('changed', 'varies') AND fill.u(number, 80) < 0.1) AS s;

INSERT INTO galperiodruns (catalogue_id, found, digest, n_stars, n_periodic)
SELECT id, now() - interval '4 days', 'made up', n_sources, n_sources / 10 FROM galreferences;
"""
