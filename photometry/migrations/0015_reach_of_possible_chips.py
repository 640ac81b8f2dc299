"""Let no chip with an impossible radius say how far a search for catalogues reaches."""

from importlib import import_module

from django.db import migrations

before = import_module("photometry.migrations.0006_touching_by_index").TOUCHING
BEFORE = before.replace("DROP FUNCTION galreferences_touching;\n", "").replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
AFTER = BEFORE.replace(
    "(SELECT max(radius) FROM galimages)", "(SELECT max(radius) FROM galimages WHERE radius <= 20)"
)


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0013_possible_footprints"),
        ("photometry", "0014_upper_limits"),
    ]

    operations = [
        migrations.RunSQL(AFTER, BEFORE),
    ]
