"""Keep the epochs of a catalogue's images beside its coverages, where a light curve needs them.

Of the tables of all images and exposures a light curve of 100 epochs took 200 rows by their keys:
with 25,000 images half of its time. The database itself keeps the copies true.
"""

from importlib import import_module

from django.db import migrations, models

EPOCHS = """
ALTER TABLE galcoverages
    ADD COLUMN mjd double precision,
    ADD COLUMN filter varchar(16),
    ADD COLUMN identifier varchar(100);
UPDATE galcoverages SET mjd = e.mjd, filter = e.filter, identifier = e.identifier
FROM galimages AS i JOIN galexposures AS e ON e.id = i.exposure_id
WHERE i.id = galcoverages.image_id;
ALTER TABLE galcoverages
    ALTER COLUMN mjd SET NOT NULL,
    ALTER COLUMN filter SET NOT NULL,
    ALTER COLUMN identifier SET NOT NULL;

CREATE FUNCTION galcoverages_take_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.mjd, e.filter, e.identifier INTO NEW.mjd, NEW.filter, NEW.identifier
    FROM galimages AS i JOIN galexposures AS e ON e.id = i.exposure_id
    WHERE i.id = NEW.image_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER take_epoch BEFORE INSERT OR UPDATE ON galcoverages
    FOR EACH ROW EXECUTE FUNCTION galcoverages_take_epoch();

CREATE FUNCTION galexposures_give_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE galcoverages SET mjd = NEW.mjd  -- and take_epoch the rest
    FROM galimages AS i WHERE i.exposure_id = NEW.id AND galcoverages.image_id = i.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER give_epoch AFTER UPDATE OF mjd, filter, identifier ON galexposures
    FOR EACH ROW
    WHEN ((OLD.mjd, OLD.filter, OLD.identifier) IS DISTINCT FROM
        (NEW.mjd, NEW.filter, NEW.identifier))
    EXECUTE FUNCTION galexposures_give_epoch();
"""
NO_EPOCHS = """
DROP TRIGGER give_epoch ON galexposures;
DROP FUNCTION galexposures_give_epoch;
DROP TRIGGER take_epoch ON galcoverages;
DROP FUNCTION galcoverages_take_epoch;
ALTER TABLE galcoverages DROP COLUMN mjd, DROP COLUMN filter, DROP COLUMN identifier;
"""

LIGHT_CURVE = """
CREATE OR REPLACE FUNCTION galsources_light_curve(of_refsource_id bigint) RETURNS TABLE (
    mjd double precision, filter varchar, mag real, mag_err real, flux real, flux_err real,
    rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
BEGIN
    RETURN QUERY
        SELECT e.mjd, e.filter, s.mag, s.mag_err, s.flux, s.flux_err, s.rchi2, s.fracflux,
            s.quality, s.flags, s.x, s.y, s.galimage_id, e.identifier, s.is_reference
        FROM galsources_rows(of_refsource_id) AS s
        JOIN (
            SELECT c.image_id, c.mjd, c.filter, c.identifier
            FROM galcoverages AS c
            WHERE c.catalogue_id = of_refsource_id >> 20
            UNION ALL
            SELECT r.image_id, x.mjd, x.filter, x.identifier
            FROM galreferences AS r
            JOIN galimages AS i ON i.id = r.image_id
            JOIN galexposures AS x ON x.id = i.exposure_id
            WHERE r.id = of_refsource_id >> 20
        ) AS e ON e.image_id = s.galimage_id
        ORDER BY e.mjd;
END
$$;
"""

OF_EXPOSURE = "of the image's exposure; kept by the database"


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0006_touching_by_index"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(EPOCHS, NO_EPOCHS)],
            state_operations=[
                migrations.AddField(
                    "GalCoverage",
                    "mjd",
                    models.FloatField(default=0.0, editable=False, help_text=OF_EXPOSURE),
                    preserve_default=False,
                ),
                migrations.AddField(
                    "GalCoverage",
                    "filter",
                    models.CharField(
                        default="", editable=False, help_text=OF_EXPOSURE, max_length=16
                    ),
                    preserve_default=False,
                ),
                migrations.AddField(
                    "GalCoverage",
                    "identifier",
                    models.CharField(
                        default="", editable=False, help_text=OF_EXPOSURE, max_length=100
                    ),
                    preserve_default=False,
                ),
            ],
        ),
        migrations.RunSQL(
            LIGHT_CURVE, import_module("photometry.migrations.0005_partitions_by_name").LIGHT_CURVE
        ),
    ]
