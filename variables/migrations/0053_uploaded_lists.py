"""Lists of ids or positions that people upload."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0052_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UploadedList",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("radius_arcsec", models.FloatField(help_text="within which positions match")),
                ("n_lines", models.PositiveIntegerField(help_text="with an id or a position")),
                (
                    "refsource_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="of what they matched",
                        size=None,
                    ),
                ),
                (
                    "unmatched",
                    models.JSONField(help_text="[number, text] of each line that matched nothing"),
                ),
                ("n_unmatched", models.PositiveIntegerField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="uploaded_lists",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "galuploadedlists",
                "ordering": ["-made", "-pk"],
            },
        ),
    ]
