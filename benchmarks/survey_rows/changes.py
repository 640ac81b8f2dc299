"""Changes of a made-up survey's sources, and the candidates that are derived from them."""

# Most candidates were detected once, and some of a source's changes fail cuts.
CHANGES = """
INSERT INTO galvarobjs (refsource_id, galimage_id, ra, dec, x, y, kind, delta_mag, delta_mag_err,
    significance, reference_mag, flux, flux_err, failed_cuts, is_flagged)
SELECT refsource_id, i.id, s.ra, s.dec, x + 5 * fill.normal(number, 90), y,
    CASE WHEN s.kind = 'new' THEN 'new' WHEN is_gone THEN 'vanished' WHEN delta < 0 THEN 'brighter'
        ELSE 'fainter' END,
    CASE WHEN s.kind <> 'new' AND NOT is_gone THEN delta END,
    CASE WHEN s.kind <> 'new' AND NOT is_gone THEN 0.02 END,
    15 - 14 * ln(1 - fill.u(number * 32 + k, 91)), CASE WHEN s.kind <> 'new' THEN mag END,
    CASE WHEN is_gone THEN -20 ELSE 10 ^ (-0.4 * (mag + coalesce(delta, 0) - 30)) END, 80,
    CASE WHEN k < n_detected THEN 0
        ELSE ('{1,1,1,3,4,4,16,16,512,33,64,64,128,8}'::int[])[1
            + floor(14 * fill.u(number * 32 + k, 92))::int] END
        + CASE WHEN i.is_doubted THEN 256 ELSE 0 END,
    i.is_flagged
FROM (
    SELECT s.*, k, looked.n, fill.u(number * 32 + k, 93) < 0.03 AND kind <> 'new' AS is_gone,
        -- Of size and sign as the star has them.
        sign(fill.u(number, 94) - 0.5) * 10 ^ (-0.8 + 1.1 * fill.u(number, 95))
            * (0.7 + 0.6 * fill.u(number * 32 + k, 96)) AS delta,
        CASE WHEN fill.u(number, 97) < 0.35 THEN 0
            ELSE 1 + floor(-1.3 * ln(1 - fill.u(number, 98)))::int END AS n_detected
    FROM fill.sources AS s JOIN (SELECT g, max(n) AS n FROM fill.epochs GROUP BY g) AS looked
        USING (g)
    CROSS JOIN LATERAL generate_series(
        0, least(n, 31, 1 + floor(-5.3 * ln(1 - fill.u(number, 99)))::int) - 1) AS k
    WHERE s.kind IN ('changed', 'new')
) AS s
JOIN fill.epochs AS x ON x.g = s.g AND x.m = mod(floor(s.n * fill.u(number, 100))::int + k, s.n)
JOIN fill.images AS i ON i.e = x.e AND i.chip = s.chip AND i.status = 'done'
ORDER BY i.id;
"""
# From the detections of a source, or from all its changes if it has none.
SUMMARIES = """
CREATE UNLOGGED TABLE fill.summaries AS
SELECT refsource_id, count(*) AS n_changes, count(*) FILTER (WHERE found) AS n_detections,
    min(mjd) FILTER (WHERE counts) AS first_mjd, max(mjd) FILTER (WHERE counts) AS last_mjd,
    min(delta_mag) FILTER (WHERE counts) AS least, max(delta_mag) FILTER (WHERE counts) AS most,
    avg(delta_mag) FILTER (WHERE counts) AS mean_delta,
    max(significance) FILTER (WHERE counts) AS max_significance,
    bool_or(kind = 'vanished') FILTER (WHERE counts) AS gone, bit_or(failed_cuts) AS failed_cuts,
    bool_and(is_flagged) AS is_flagged
FROM (SELECT *, found OR NOT bool_or(found) OVER (PARTITION BY refsource_id) AS counts
      FROM (SELECT *, failed_cuts = 0 AND NOT is_flagged AS found FROM galvarobjs) AS v
      JOIN (SELECT id AS galimage_id, mjd FROM fill.images) AS i USING (galimage_id)) AS v
GROUP BY refsource_id;

CREATE UNLOGGED TABLE fill.candidates AS
SELECT s.refsource_id, s.catalogue, s.g, s.chip, s.star, s.object_id, s.x, s.y, s.ra, s.dec, s.mag,
    s.colour, s.number,
    CASE WHEN s.kind = 'new' THEN 'new'
        WHEN c.n_changes IS NULL OR v.false_alarm <= 3e-5 AND c.n_detections = 0 THEN 'varies'
        ELSE 'changed' END AS kind,
    coalesce(c.n_changes, 0) AS n_changes, coalesce(c.n_detections, 0) AS n_detections,
    coalesce(c.first_mjd, e.first_mjd) AS first_mjd, coalesce(c.last_mjd, e.last_mjd) AS last_mjd,
    CASE WHEN most >= -least THEN most ELSE least END AS max_delta_mag, c.mean_delta,
    coalesce(c.max_significance, v.deviation_sigma) AS max_significance,
    coalesce(c.gone, false) AS gone, coalesce(c.failed_cuts, 0) AS failed_cuts,
    coalesce(c.is_flagged, false) OR f.refsource_id IS NOT NULL AS is_flagged,
    coalesce(v.false_alarm <= 3e-5, false) AS varies, v.false_alarm,
    nullif(v.excess_mag, 'NaN') AS excess_mag, p.days, p.error_days, e.n_epochs
FROM fill.sources AS s
LEFT JOIN fill.summaries AS c USING (refsource_id)
LEFT JOIN galvariability AS v USING (refsource_id)
LEFT JOIN galperiods AS p USING (refsource_id)
LEFT JOIN (SELECT DISTINCT refsource_id FROM galflags
    WHERE state = 'standing' AND refsource_id IS NOT NULL) AS f USING (refsource_id)
JOIN (SELECT g, chip, min(mjd) AS first_mjd, max(mjd) AS last_mjd, count(*) AS n_epochs
    FROM fill.images WHERE is_reference OR status = 'done' GROUP BY g, chip) AS e USING (g, chip)
WHERE c.n_changes IS NOT NULL OR s.kind <> 'new' AND v.false_alarm <= 3e-5;
ANALYZE fill.candidates;
"""
# After the votes on them; columns of stars are as variables/derived/stars.py derives them, where a
# star has one source in a filter at most.
CANDIDATES = """
INSERT INTO galcandidates (refsource_id, kind, catalogue_id, filter, ccdnum, ra, dec, x, y,
    reference_mag, n_epochs, n_non_detections, n_changes, n_detections, first_mjd, last_mjd,
    max_delta_mag, mean_delta_mag, max_significance, has_vanished, mean_mag, rms_mag, amplitude_mag,
    chi2_nu, von_neumann, skewness, varies, false_alarm, excess_mag, period_days, period_err,
    colour_mag, absolute_mag, known, known_possible, known_class, known_name, known_period,
    period_agreement, failed_cuts, cause, is_flagged, consensus_id, n_votes, is_disputed,
    agreed_period_days, agreed_period_err, object_id, object_part, star_sources, star_detections,
    star_detections_in_filter, star_changes, star_changes_in_filter, counted_as, refreshed)
SELECT refsource_id, kind, catalogue, fill.filter(g), ccdnum, ra, dec,
    x, y, CASE WHEN kind <> 'new' THEN mag END, n_epochs, gone::int, n_changes, n_detections,
    first_mjd, last_mjd, max_delta_mag, mean_delta, max_significance, gone,
    CASE WHEN has_curve THEN mag END, CASE WHEN has_curve THEN 0.02 + 0.3 * fill.u(number, 110) END,
    CASE WHEN has_curve THEN 0.05 + 1.2 * fill.u(number, 110) END,
    CASE WHEN has_curve THEN 1 - 20 * ln(1 - fill.u(number, 111)) END,
    CASE WHEN has_curve THEN 2.2 * fill.u(number, 112) END,
    CASE WHEN has_curve THEN fill.normal(number, 113) END, varies, false_alarm, excess_mag, days,
    error_days, CASE WHEN fill.u(star, 114) < 0.5 THEN 1.2 + colour END,
    CASE WHEN fill.u(star, 114) < 0.3 THEN mag - 14 + colour END, known,
    CASE WHEN known = 'cant-be-told' THEN 2 + (3 * fill.u(star, 116))::int END,
    CASE WHEN known = 'known' THEN
        fill.one_of('{RRAB,RRAB,RRC,EA,EW,EW,EB,L,M,SR,DCEP,BY,ROT,DSCT}', fill.u(star, 117)) END,
    CASE WHEN known = 'known' THEN 'V' || star END,
    CASE WHEN known = 'known' AND days IS NOT NULL THEN days * 1.00001 END,
    CASE WHEN known = 'known' AND days IS NOT NULL
        THEN fill.one_of('{agrees,agrees,agrees,2:1,1:2,alias,differs}', fill.u(number, 118))
        ELSE 'none' END,
    failed_cuts, CASE WHEN fill.u(number, 119) < 0.55 THEN 'real' ELSE fill.one_of(
        '{crowd,crowd,shape,shape,saturated,edge,reference,detector,missing,bleed,motion}',
        fill.u(number, 120)) END,
    is_flagged, v.consensus, coalesce(v.n_votes, 0), coalesce(v.is_disputed, false), NULL, NULL,
    object_id, 1, count(*) OVER star,
    CASE WHEN n_changes = 0 THEN n_detections ELSE sum(n_detections) OVER star END, n_detections,
    CASE WHEN n_changes = 0 THEN 0 ELSE sum(n_changes) OVER star END, n_changes,
    -- Bits of CountedAs; in its filter each is the only one of its star.
    CASE WHEN row_number() OVER (
            star ORDER BY n_detections DESC, n_changes DESC, refsource_id
        ) = 1 THEN 34 ELSE 0 END
        + CASE WHEN row_number() OVER (
            PARTITION BY star_key, is_flagged, (n_detections > 0 OR varies) AND NOT is_flagged
            ORDER BY n_detections DESC, n_changes DESC, refsource_id
        ) = 1 THEN 136 ELSE 0 END + 1 + 4 + 16 + 64 + 256, now()
FROM (SELECT *, coalesce(object_id, -number) AS star_key, n_epochs > 5 AS has_curve,
        CASE WHEN fill.u(star, 115) < 0.2 THEN 'not-looked-up' WHEN fill.u(star, 115) < 0.3
            THEN 'known' WHEN fill.u(star, 115) < 0.33 THEN 'cant-be-told' ELSE 'new' END AS known
      FROM fill.candidates) AS c
JOIN fill.chips USING (chip)
LEFT JOIN fill.consensus AS v USING (refsource_id)
WINDOW star AS (PARTITION BY star_key, is_flagged)
ORDER BY refsource_id;
"""
