"""Models that learn from votes, their scores, and whether voters see these; empty until one is trained."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import exposures.real_field


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0031_names_in_english"),
        ("variables", "0043_sample_with_columns"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalScore",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "refsource_id",
                        "model_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("refsource_id", models.BigIntegerField()),
                ("model_id", models.IntegerField()),
                ("class_1", models.IntegerField(help_text="the likeliest class; 0: none is known")),
                ("class_2", models.IntegerField(help_text="the next; 0: none")),
                ("class_3", models.IntegerField(help_text="the next; 0: none")),
                ("real", exposures.real_field.RealField(help_text="probability that it is real")),
                (
                    "probability_1",
                    exposures.real_field.RealField(help_text="that it is real, and of class_1"),
                ),
                (
                    "probability_2",
                    exposures.real_field.RealField(help_text="that it is real, and of class_2"),
                ),
                (
                    "probability_3",
                    exposures.real_field.RealField(help_text="that it is real, and of class_3"),
                ),
            ],
            options={
                "verbose_name": "score",
                "db_table": "galscores",
            },
        ),
        migrations.AddField(
            model_name="campaign",
            name="shows_scores",
            field=models.BooleanField(
                default=False,
                help_text="voters see what the model says of a candidate before they have voted",
            ),
        ),
        migrations.CreateModel(
            name="LearntModel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("code_version", models.CharField(blank=True, max_length=64)),
                (
                    "is_current",
                    models.BooleanField(default=False, help_text="whose scores are shown"),
                ),
                ("options", models.JSONField(help_text="that it was trained with")),
                ("features", models.JSONField(help_text="names of the features, in their order")),
                ("classes", models.JSONField(help_text="slugs of the classes that it tells apart")),
                (
                    "trained_on",
                    models.JSONField(help_text="numbers of examples by source and class"),
                ),
                (
                    "example_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="candidates it was trained on",
                        size=None,
                    ),
                ),
                (
                    "n_agreed",
                    models.PositiveIntegerField(
                        help_text="candidates that people had agreed on when it was trained"
                    ),
                ),
                ("figures", models.JSONField(help_text="of examples left out of its training")),
                ("data", models.BinaryField(help_text="its trees, as plain arrays")),
                (
                    "taxonomy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="models",
                        to="variables.taxonomy",
                    ),
                ),
            ],
            options={
                "verbose_name": "model",
                "db_table": "galmodels",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="GalScoreRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scored", models.DateTimeField(auto_now=True)),
                (
                    "digest",
                    models.CharField(
                        help_text="of what candidates and statistics were", max_length=64
                    ),
                ),
                ("n_candidates", models.PositiveIntegerField()),
                (
                    "catalogue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="score_runs",
                        to="photometry.galreference",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="variables.learntmodel",
                    ),
                ),
            ],
            options={
                "verbose_name": "run of scores",
                "verbose_name_plural": "runs of scores",
                "db_table": "galscoreruns",
            },
        ),
        migrations.AddConstraint(
            model_name="learntmodel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_current", True)),
                fields=("is_current",),
                name="galmodels_one_current",
            ),
        ),
        migrations.AddConstraint(
            model_name="galscorerun",
            constraint=models.UniqueConstraint(
                fields=("model", "catalogue"), name="galscoreruns_once"
            ),
        ),
    ]
