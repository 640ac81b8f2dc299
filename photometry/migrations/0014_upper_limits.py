"""Keep the upper limit with each non-detection, and give SQL its light curve.

It is the magnitude of five sigma of the star's own flux, brought onto the reference as the image's
magnitudes were: by the polynomial that the image's row has. On a filled database the rows that are
there get theirs, about a minute a million.
"""

from django.db import migrations

import photometry.models

LIMITS = """
ALTER TABLE galnondetections ADD COLUMN limit_mag real NOT NULL DEFAULT 'NaN';
ALTER TABLE galnondetections ALTER COLUMN limit_mag DROP DEFAULT;

-- Products of Chebyshev polynomials, T_i(u) = cos(i arccos u), in the order of their coefficients.
CREATE OR REPLACE FUNCTION pg_temp.correction_at(correction jsonb, u float8, v float8) RETURNS float8
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum(c.value::float8 * cos(t.i * acos(u)) * cos(t.j * acos(v))), 0)
    FROM jsonb_array_elements_text(correction -> 'coefficients') WITH ORDINALITY AS c (value, place)
    JOIN (
        SELECT i, j, row_number() OVER (ORDER BY i, j) AS place
        FROM generate_series(0, (correction ->> 'order')::int) AS i
        CROSS JOIN LATERAL generate_series(0, (correction ->> 'order')::int - i) AS j
    ) AS t USING (place)
$$;

UPDATE galnondetections AS n SET limit_mag = i.zero_point
    + CASE WHEN i.correction ? 'order' THEN
        pg_temp.correction_at(
            i.correction,
            greatest(-1, least(1, 2 * n.x / greatest(i.width - 1, 1) - 1)),
            greatest(-1, least(1, 2 * n.y / greatest(i.height - 1, 1) - 1))
        ) + coalesce((i.correction -> 'offsets' ->> r.image_id::text)::float8, 0)
      ELSE 0 END
    - 2.5 * log((
        greatest(n.flux, 0)
        + 5 * coalesce((i.correction ->> 'error_scale')::float8, 1) * n.flux_err
    )::float8)
FROM galimages AS i, galreferences AS r
WHERE i.id = n.galimage_id AND r.id = n.refsource_id >> 20 AND i.zero_point IS NOT NULL
    AND n.flux_err > 0 AND n.flux_err < 'Infinity' AND n.flux < 'Infinity'
    AND n.quality >= coalesce((i.options #>> '{reduction,min_quality}')::real, 0.1);
"""

LIGHT_CURVE = """
CREATE FUNCTION galnondetections_light_curve(of_refsource_id bigint) RETURNS TABLE (
    mjd double precision, filter varchar, limit_mag real, flux real, flux_err real, quality real,
    flags smallint, x real, y real, galimage_id bigint, exposure varchar
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10 AS $$
BEGIN
    RETURN QUERY
        SELECT n.mjd, c.filter, n.limit_mag, n.flux, n.flux_err, n.quality, n.flags, n.x, n.y,
            n.galimage_id, c.identifier
        FROM galnondetections AS n
        JOIN galcoverages AS c
            ON c.catalogue_id = of_refsource_id >> 20 AND c.image_id = n.galimage_id
        WHERE n.refsource_id = of_refsource_id
        ORDER BY n.mjd;
END
$$;
COMMENT ON FUNCTION galnondetections_light_curve IS
    'The epochs at which a source was looked for and not detected, oldest first, with upper limits; NaN where too few pixels could tell.';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0013_on_the_sky"),
    ]

    operations = [
        migrations.RunSQL(
            LIMITS,
            "ALTER TABLE galnondetections DROP COLUMN limit_mag",
            state_operations=[
                migrations.AddField(
                    "GalNonDetection",
                    "limit_mag",
                    photometry.models.RealField(
                        default=float("nan"),
                        help_text="upper limit, corrected to the reference; NaN where too few pixels can tell",
                    ),
                    preserve_default=False,
                )
            ],
        ),
        migrations.RunSQL(LIGHT_CURVE, "DROP FUNCTION galnondetections_light_curve"),
    ]
