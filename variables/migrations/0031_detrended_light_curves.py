"""Light curves without the trends that stars of a catalogue share, in SQL.

Functions beside those of galsources, which stays as it was measured.
"""

from django.db import migrations

TRENDS = """
CREATE FUNCTION galsources_trends(of_refsource_ids bigint[]) RETURNS TABLE (
    refsource_id bigint, galimage_id bigint, trend_mag real
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000 AS $$
    SELECT s.refsource_id, t.galimage_id, sum(t.mag * (ARRAY[
        s.coefficient_1, s.coefficient_2, s.coefficient_3, s.coefficient_4, s.coefficient_5
    ])[t.number])::real
    FROM galtrendstars AS s
    JOIN galtrends AS t ON t.catalogue_id = s.refsource_id >> 20
    WHERE s.refsource_id = ANY (of_refsource_ids)
    GROUP BY s.refsource_id, t.galimage_id
$$;
COMMENT ON FUNCTION galsources_trends IS
    'How much fainter trends make sources on images, in mag; no row where there are no trends.';
"""

DETRENDED = """
CREATE FUNCTION galsources_detrended(of_refsource_id bigint) RETURNS TABLE (
    mjd double precision, filter varchar, mag real, mag_err real, flux real, flux_err real,
    rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean, trend_mag real
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 AS $$
    SELECT m.mjd, m.filter, m.mag - coalesce(t.trend_mag, 0), m.mag_err, m.flux, m.flux_err,
        m.rchi2, m.fracflux, m.quality, m.flags, m.x, m.y,
        m.galimage_id, m.exposure, m.is_reference, t.trend_mag
    FROM galsources_light_curve(of_refsource_id) AS m
    LEFT JOIN galsources_trends(ARRAY[of_refsource_id]) AS t ON t.galimage_id = m.galimage_id
    ORDER BY m.mjd
$$;
COMMENT ON FUNCTION galsources_detrended IS
    'A light curve whose mag are without trend_mag, the trends that stars share; NULL: as measured.';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0020_reference_skies"),
        ("variables", "0030_periods_of_candidates"),
    ]

    operations = [
        migrations.RunSQL(
            TRENDS + DETRENDED,
            "DROP FUNCTION galsources_detrended; DROP FUNCTION galsources_trends",
        ),
    ]
