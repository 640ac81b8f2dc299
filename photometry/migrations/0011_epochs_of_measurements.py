"""Keep the epoch with each measurement, so that a light curve is rows of one table.

Of a light curve of 100 epochs a third of the time went into the join that told their times, and
more into the functions that hid it: asked of galsources alone it takes 0.64 of the time, for 8
bytes a row. The database itself keeps the copies true.

On a filled database the table is written anew, in which nothing can be read or stored: about three
seconds a million rows, and as much room on the disk again.
"""

from importlib import import_module

from django.db import migrations, models

# A type "changed" has each partition written in one pass: without dead rows, and in its order. Of all
# ways to look up millions of epochs a binary search in an array is the quickest.
EPOCHS = """
ALTER TABLE galsources ADD COLUMN mjd double precision;
ALTER TABLE galnondetections ADD COLUMN mjd double precision;
DO $do$
DECLARE
    images bigint[];
    epochs double precision[];
    measurements text;
BEGIN
    SELECT array_agg(i.id ORDER BY i.id), array_agg(e.mjd ORDER BY i.id) INTO images, epochs
    FROM galimages AS i JOIN galexposures AS e ON e.id = i.exposure_id;
    FOREACH measurements IN ARRAY ARRAY['galsources', 'galnondetections'] LOOP
        EXECUTE format($sql$
            ALTER TABLE %I
                ALTER COLUMN mjd TYPE double precision
                    USING (%L::double precision[])[width_bucket(galimage_id, %L::bigint[])],
                ALTER COLUMN mjd SET NOT NULL
        $sql$, measurements, epochs, images);
    END LOOP;
END
$do$;
"""
NO_EPOCHS = """
ALTER TABLE galsources DROP COLUMN mjd;
ALTER TABLE galnondetections DROP COLUMN mjd;
"""

# An exposure's time is mended seldom: then its rows are searched for in their partitions.
GIVE_EPOCH = """
CREATE OR REPLACE FUNCTION galexposures_give_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    measured record;
BEGIN
    -- mjd, and take_epoch the rest
    UPDATE galcoverages SET mjd = NEW.mjd
    FROM galimages AS i WHERE i.exposure_id = NEW.id AND galcoverages.image_id = i.id;
    UPDATE galreferences SET mjd = NEW.mjd
    FROM galimages AS i WHERE i.exposure_id = NEW.id AND galreferences.image_id = i.id;
    IF NEW.mjd IS DISTINCT FROM OLD.mjd THEN
        FOR measured IN
            SELECT c.catalogue_id, c.image_id
            FROM galcoverages AS c JOIN galimages AS i ON i.id = c.image_id
            WHERE i.exposure_id = NEW.id
            UNION
            SELECT r.id, r.image_id
            FROM galreferences AS r JOIN galimages AS i ON i.id = r.image_id
            WHERE i.exposure_id = NEW.id
        LOOP
            EXECUTE format('UPDATE %I SET mjd = $1 WHERE galimage_id = $2',
                'galsources_' || measured.catalogue_id)
            USING NEW.mjd, measured.image_id;
        END LOOP;
        UPDATE galnondetections SET mjd = NEW.mjd
        FROM galimages AS i WHERE i.exposure_id = NEW.id AND galimage_id = i.id;
    END IF;
    RETURN NULL;
END
$$;
"""
# The last statement there.
_, GIVE, BEFORE = import_module("photometry.migrations.0008_epochs_of_references").EPOCHS.partition(
    "CREATE OR REPLACE FUNCTION galexposures_give_epoch"
)
GIVE_EPOCH_BEFORE = GIVE + BEFORE

# Of record, as each column that is handed on costs a fiftieth of the whole.
CONE_MEASUREMENTS = """
CREATE FUNCTION galsources_cone_measurements(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision,
    columns text
) RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 200 AS $$
DECLARE
    of_catalogue_id bigint;
    cells text := galsources_cells(centre_ra, centre_dec, radius_arcsec / 3600);
BEGIN
    FOR of_catalogue_id IN
        SELECT galreferences_touching(centre_ra, centre_dec, radius_arcsec)
    LOOP
        RETURN QUERY EXECUTE format($sql$
            SELECT %3$s FROM %1$s
            WHERE refsource_id = ANY (ARRAY(SELECT s.refsource_id FROM %1$s AS s WHERE %2$s))
        $sql$, 'galsources_' || of_catalogue_id, cells, columns);
    END LOOP;
END
$$;
COMMENT ON FUNCTION galsources_cone_measurements IS
    'Columns of every measurement of the sources of active catalogues near a position in degrees, in no order.';
"""

KEPT = "of the image's exposure; kept by the database"


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0010_rows_as_they_are"),
    ]

    operations = [
        migrations.RunSQL(
            EPOCHS,
            NO_EPOCHS,
            state_operations=[
                migrations.AddField(
                    name, "mjd", models.FloatField(default=0.0, help_text=help_text), False
                )
                for name, help_text in (("GalSource", KEPT), ("GalNonDetection", ""))
            ],
        ),
        migrations.RunSQL(GIVE_EPOCH, GIVE_EPOCH_BEFORE),
        migrations.RunSQL(CONE_MEASUREMENTS, "DROP FUNCTION galsources_cone_measurements"),
    ]
