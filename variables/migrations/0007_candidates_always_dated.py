"""A candidate has a change, and so a first and a last one: lists by time are served by the index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("variables", "0006_first_taxonomy")]

    operations = [
        migrations.AlterField(
            model_name="galcandidate",
            name="first_mjd",
            field=models.FloatField(help_text="of the detections; else of the changes"),
        ),
        migrations.AlterField(
            model_name="galcandidate",
            name="last_mjd",
            field=models.FloatField(help_text="of the detections; else of the changes"),
        ),
    ]
