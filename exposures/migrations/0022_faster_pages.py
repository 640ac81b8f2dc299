"""Indexes that pages read by: the latest chips of a status, errors by time, lines on references."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0021_names_of_published_stars"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="galcheckpoint",
            name="galcheckpoints_errors",
        ),
        migrations.RemoveIndex(
            model_name="galimage",
            name="galimages_status",
        ),
        migrations.AddIndex(
            model_name="galcheckpoint",
            index=models.Index(
                condition=models.Q(("level", "error")),
                fields=["exposure", "time"],
                name="galcheckpoints_error_times",
            ),
        ),
        migrations.AddIndex(
            model_name="galcheckpoint",
            index=models.Index(
                condition=models.Q(
                    (
                        "step__in",
                        (
                            "reference chosen",
                            "reference withdrawn",
                            "member added",
                            "member removed",
                        ),
                    )
                ),
                fields=["exposure", "id"],
                name="galcheckpoints_references",
            ),
        ),
        migrations.AddIndex(
            model_name="galimage",
            index=models.Index(
                models.F("status"),
                models.OrderBy(models.F("finished"), descending=True, nulls_last=True),
                models.OrderBy(models.F("id"), descending=True),
                name="galimages_latest",
            ),
        ),
    ]
