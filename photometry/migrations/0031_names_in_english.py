"""What tables are called on the pages of the administration."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0030_plan_of_touching"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="galcoverage",
            options={"verbose_name": "coverage"},
        ),
        migrations.AlterModelOptions(
            name="galdisplacements",
            options={
                "verbose_name": "displacements of a catalogue",
                "verbose_name_plural": "displacements of catalogues",
            },
        ),
        migrations.AlterModelOptions(
            name="galmatch",
            options={"verbose_name": "match", "verbose_name_plural": "matches"},
        ),
        migrations.AlterModelOptions(
            name="galmatchrun",
            options={"verbose_name": "match run"},
        ),
        migrations.AlterModelOptions(
            name="galmotion",
            options={"verbose_name": "proper motion"},
        ),
        migrations.AlterModelOptions(
            name="galnondetection",
            options={"verbose_name": "non-detection"},
        ),
        migrations.AlterModelOptions(
            name="galobject",
            options={"verbose_name": "object"},
        ),
        migrations.AlterModelOptions(
            name="galobjectsource",
            options={
                "verbose_name": "source of an object",
                "verbose_name_plural": "sources of objects",
            },
        ),
        migrations.AlterModelOptions(
            name="galreference",
            options={"verbose_name": "reference catalogue"},
        ),
        migrations.AlterModelOptions(
            name="galreferencemag",
            options={"verbose_name": "reference magnitude"},
        ),
        migrations.AlterModelOptions(
            name="galreferencemember",
            options={
                "ordering": ["image__exposure__mjd", "image_id"],
                "verbose_name": "member of a reference set",
                "verbose_name_plural": "members of reference sets",
            },
        ),
        migrations.AlterModelOptions(
            name="galreferenceset",
            options={"verbose_name": "reference set"},
        ),
        migrations.AlterModelOptions(
            name="galreferencesky",
            options={
                "verbose_name": "sky of a reference",
                "verbose_name_plural": "skies of references",
            },
        ),
        migrations.AlterModelOptions(
            name="galsource",
            options={"verbose_name": "measurement"},
        ),
        migrations.AlterModelOptions(
            name="galzeropoint",
            options={"verbose_name": "zero point"},
        ),
    ]
