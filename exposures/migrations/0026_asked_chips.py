"""Jobs have the chips that were asked for, and what is still to be done is found by indexes of its own."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0025_photometry_of_catalogues"),
    ]

    operations = [
        migrations.AddField(
            model_name="galjob",
            name="asked",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                help_text="ids of images that were asked for, until a worker puts them on the queue",
                null=True,
                size=None,
            ),
        ),
        migrations.AddIndex(
            model_name="galimage",
            index=models.Index(
                condition=models.Q(("status__in", ("queued", "waiting", "working"))),
                fields=["job", "status"],
                name="galimages_open",
            ),
        ),
        migrations.AddIndex(
            model_name="galimage",
            index=models.Index(
                condition=models.Q(
                    ("is_reference", True), ("status__in", ("queued", "waiting", "working"))
                ),
                fields=["exposure"],
                name="galimages_open_references",
            ),
        ),
    ]
