"""What tables are called on the pages of the administration."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0040_known_names"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="galbinnedstatistic",
            options={"verbose_name": "binned statistic"},
        ),
        migrations.AlterModelOptions(
            name="galcandidate",
            options={"verbose_name": "candidate"},
        ),
        migrations.AlterModelOptions(
            name="galcandidatecount",
            options={
                "default_permissions": (),
                "verbose_name": "count of candidates",
                "verbose_name_plural": "counts of candidates",
            },
        ),
        migrations.AlterModelOptions(
            name="galdecision",
            options={"ordering": ["id"], "verbose_name": "decision"},
        ),
        migrations.AlterModelOptions(
            name="galflag",
            options={"ordering": ["-made"], "verbose_name": "flag"},
        ),
        migrations.AlterModelOptions(
            name="galflagdecision",
            options={
                "ordering": ["id"],
                "verbose_name": "decision on a flag",
                "verbose_name_plural": "decisions on flags",
            },
        ),
        migrations.AlterModelOptions(
            name="gallostsource",
            options={"verbose_name": "lost source"},
        ),
        migrations.AlterModelOptions(
            name="galnewdetection",
            options={
                "verbose_name": "detection of a new source",
                "verbose_name_plural": "detections of new sources",
            },
        ),
        migrations.AlterModelOptions(
            name="galnewsource",
            options={"verbose_name": "new source"},
        ),
        migrations.AlterModelOptions(
            name="galperiod",
            options={"verbose_name": "period"},
        ),
        migrations.AlterModelOptions(
            name="galperiodrun",
            options={"verbose_name": "period run"},
        ),
        migrations.AlterModelOptions(
            name="galpublisheddiagram",
            options={
                "verbose_name": "diagram of matched stars",
                "verbose_name_plural": "diagrams of matched stars",
            },
        ),
        migrations.AlterModelOptions(
            name="galsuccession",
            options={"verbose_name": "succession"},
        ),
        migrations.AlterModelOptions(
            name="galtrend",
            options={"verbose_name": "trend"},
        ),
        migrations.AlterModelOptions(
            name="galtrendstar",
            options={"verbose_name": "trend of a star", "verbose_name_plural": "trends of stars"},
        ),
        migrations.AlterModelOptions(
            name="galunblinding",
            options={"verbose_name": "unblinding"},
        ),
        migrations.AlterModelOptions(
            name="galvariability",
            options={
                "verbose_name": "variability of a source",
                "verbose_name_plural": "variability of sources",
            },
        ),
        migrations.AlterModelOptions(
            name="galvariabilityrun",
            options={"verbose_name": "variability run"},
        ),
        migrations.AlterModelOptions(
            name="galvarobj",
            options={"verbose_name": "change"},
        ),
        migrations.AlterModelOptions(
            name="savedsearch",
            options={"ordering": ["name"], "verbose_name_plural": "saved searches"},
        ),
        migrations.AlterModelOptions(
            name="starlist",
            options={
                "ordering": ["-made"],
                "verbose_name": "list of stars",
                "verbose_name_plural": "lists of stars",
            },
        ),
    ]
