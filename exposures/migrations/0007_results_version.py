"""Keep with each result the version of its numbers: commits that change none leave it in date."""

from django.db import migrations, models

# All that was made before numbers had versions was made by 0.1.0 or on the way there.
FIRST = "UPDATE galimages SET results_version = 1 WHERE code_version <> ''"


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0006_reference_positions"),
    ]

    operations = [
        migrations.AddField(
            "galimage",
            "results_version",
            models.PositiveIntegerField(
                default=0,
                help_text="of the numbers; with another than now they are out of date",
            ),
        ),
        migrations.RunSQL(FIRST, migrations.RunSQL.noop),
    ]
