"""Lines of the log of exposures call the step of the cross-match by its present name."""

from django.db import migrations

RENAME = "UPDATE galcheckpoints SET step = %s WHERE step = %s"


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0015_view_survey"),
    ]

    operations = [
        migrations.RunSQL(
            [(RENAME, ["cross-matched", "joined"])], [(RENAME, ["joined", "cross-matched"])]
        ),
    ]
