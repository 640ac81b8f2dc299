"""Store filters, cameras, objects and proposals whole, however long their names are."""

import django.contrib.postgres.fields
from django.db import migrations, models

# A trigger that names a column keeps its type from being changed. It is there where the tables of
# photometry were made before, and taken away for the moment.
ALTER = """
DO $$
DECLARE
    give_epoch text := (
        SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgrelid = 'galexposures'::regclass AND tgname = 'give_epoch'
    );
BEGIN
    IF give_epoch IS NOT NULL THEN
        DROP TRIGGER give_epoch ON galexposures;
    END IF;
    ALTER TABLE galexposures ALTER COLUMN filter TYPE {type} USING {using};
    IF give_epoch IS NOT NULL THEN
        EXECUTE give_epoch;
    END IF;
END
$$;
"""
CAMERA = "decam, or the camera's own name; plain where it has none"


def text_field(name, **arguments):
    return migrations.AlterField("galexposure", name, models.TextField(blank=True, **arguments))


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0007_results_version"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    ALTER.format(type="varchar(80)", using="filter"),
                    ALTER.format(type="varchar(16)", using="left(filter, 16)"),
                )
            ],
            state_operations=[
                migrations.AlterField(
                    "galexposure", "filter", models.CharField(db_index=True, max_length=80)
                ),
            ],
        ),
        migrations.AlterField(
            "galexposure", "instrument", models.CharField(help_text=CAMERA, max_length=80)
        ),
        text_field("object_name"),
        text_field("pipeline_version", help_text="PLVER"),
        text_field("proposal"),
        migrations.AlterField(
            "galfield",
            "filters",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80),
                blank=True,
                default=list,
                help_text="such as g,i; all",
                size=None,
            ),
        ),
        migrations.AlterField(
            "galfield",
            "proposal",
            models.CharField(blank=True, help_text="only of this one", max_length=200),
        ),
        migrations.AlterField("galimage", "chip_name", models.CharField(max_length=80)),
    ]
