"""Columns and tables for numbers of candidates, which the next migration fills.

By itself, as it locks the candidates, if for a moment, and filling takes minutes.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0035_faster_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalCandidateCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "of",
                    models.CharField(
                        choices=[
                            ("detections", "accepted candidates, by detections"),
                            ("changes", "candidates, by changes"),
                            ("star detections", "stars with accepted candidates, by detections"),
                            ("star changes", "stars, by changes"),
                            ("detections in filter", "as star detections, in one filter"),
                            ("changes in filter", "as star changes, in one filter"),
                            ("vetted", "of star detections, those of an agreed class"),
                            ("disputed", "of star detections, those on which people disagree"),
                            ("undetected", "stars whose changes fail a cut each time"),
                            ("flagged", "stars that a flag hides"),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "filter",
                    models.CharField(
                        blank=True, help_text='"" where it is of all filters', max_length=80
                    ),
                ),
                (
                    "known",
                    models.CharField(
                        blank=True,
                        help_text='what is known of these; "" for all together',
                        max_length=13,
                    ),
                ),
                (
                    "number",
                    models.IntegerField(
                        help_text="of detections or changes; 0 where it is by none"
                    ),
                ),
                ("n_candidates", models.IntegerField(help_text="more, or fewer")),
            ],
            options={
                "db_table": "galcandidatecounts",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="counted_as",
            field=models.SmallIntegerField(
                db_default=511, default=511, help_text="bits of CountedAs, for numbers of stars"
            ),
        ),
    ]
