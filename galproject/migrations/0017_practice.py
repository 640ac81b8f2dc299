"""Runs of practice, which nothing else reads."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0016_injection_summaries"),
        ("variables", "0047_comments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PracticeRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("begun", models.DateTimeField(auto_now_add=True)),
                ("finished", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="practice_runs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "galpracticeruns",
            },
        ),
        migrations.CreateModel(
            name="PracticeItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rank", models.PositiveSmallIntegerField(help_text="in the order of the run")),
                ("refsource_id", models.BigIntegerField(help_text="null: simulated", null=True)),
                ("kind", models.CharField(blank=True, help_text="of the simulator", max_length=10)),
                ("seed", models.PositiveIntegerField(default=0, help_text="of the simulated star")),
                ("answered", models.DateTimeField(null=True)),
                (
                    "answer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="variables.taxonomyclass",
                    ),
                ),
                (
                    "truth",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="variables.taxonomyclass",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="galproject.practicerun",
                    ),
                ),
            ],
            options={
                "db_table": "galpracticeitems",
            },
        ),
        migrations.AddConstraint(
            model_name="practicerun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished", None)),
                fields=("user",),
                name="galpracticeruns_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="practiceitem",
            constraint=models.UniqueConstraint(
                fields=("run", "rank"), name="galpracticeitems_rank"
            ),
        ),
    ]
