"""The name of a published star as people write it, in one place for pages and statements."""

from django.db import migrations

# A function of one SELECT becomes part of the query that calls it.
PUBLISHED_NAME = """
CREATE FUNCTION galpublished_name(of_catalogue_id integer, star_name text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN star_name ~ '[[:alpha:]]' THEN star_name
        ELSE (SELECT replace(name, '_', ' ') FROM galpublishedcatalogues WHERE id = of_catalogue_id)
            || ' ' || star_name
    END
$$;
COMMENT ON FUNCTION galpublished_name IS
    'The name of a published star; one that is a number alone follows that of its catalogue.';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0020_published_catalogues"),
    ]

    operations = [
        migrations.RunSQL(PUBLISHED_NAME, "DROP FUNCTION galpublished_name"),
    ]
