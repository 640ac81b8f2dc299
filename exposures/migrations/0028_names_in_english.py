"""What tables are called on the pages of the administration."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0027_counts_of_images"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="galcheckpoint",
            options={
                "ordering": ["id"],
                "verbose_name": "line of the log",
                "verbose_name_plural": "lines of the log",
            },
        ),
        migrations.AlterModelOptions(
            name="galexposure",
            options={
                "ordering": ["mjd"],
                "permissions": [("view_survey", "Can see the survey")],
                "verbose_name": "exposure",
            },
        ),
        migrations.AlterModelOptions(
            name="galfield",
            options={"ordering": ["name"], "verbose_name": "field"},
        ),
        migrations.AlterModelOptions(
            name="galimage",
            options={
                "permissions": [
                    ("choose_reference", "Can choose which images are references"),
                    ("overrule_quality", "Can overrule what is made of an image's quality"),
                ],
                "verbose_name": "chip",
            },
        ),
        migrations.AlterModelOptions(
            name="galimagecount",
            options={
                "default_permissions": (),
                "verbose_name": "count of chips",
                "verbose_name_plural": "counts of chips",
            },
        ),
        migrations.AlterModelOptions(
            name="galjob",
            options={"ordering": ["-created"], "verbose_name": "job"},
        ),
        migrations.AlterModelOptions(
            name="galoptionset",
            options={"ordering": ["created"], "verbose_name": "option set"},
        ),
        migrations.AlterModelOptions(
            name="galpublishedcatalogue",
            options={"ordering": ["name", "id"], "verbose_name": "published catalogue"},
        ),
        migrations.AlterModelOptions(
            name="galpublishedcoverage",
            options={
                "verbose_name": "cell of a published catalogue",
                "verbose_name_plural": "cells of published catalogues",
            },
        ),
        migrations.AlterModelOptions(
            name="galpublishedstar",
            options={"verbose_name": "published star"},
        ),
        migrations.AlterModelOptions(
            name="galqualitydecision",
            options={"ordering": ["id"], "verbose_name": "quality decision"},
        ),
    ]
