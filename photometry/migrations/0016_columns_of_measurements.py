"""Descriptions of columns that models now share; the tables stay as they are."""

from django.db import migrations, models

import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0015_reach_of_possible_chips"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galnondetection",
            name="dec",
            field=models.FloatField(help_text="of the reference source, ICRS degrees"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="flags",
            field=models.SmallIntegerField(help_text="mask bits at the source; 128: too sharp"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="flux",
            field=photometry.models.RealField(help_text="ADU"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="flux_err",
            field=photometry.models.RealField(help_text="ADU, as fitted"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="fracflux",
            field=photometry.models.RealField(
                help_text="of the flux in the stamp that is the source's own"
            ),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="is_reference",
            field=models.BooleanField(help_text="measured on the reference image itself"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="mag",
            field=photometry.models.RealField(help_text="corrected to the reference"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="mag_err",
            field=photometry.models.RealField(
                help_text="with the floor, expanded so that chi2/nu is 1"
            ),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="mjd",
            field=models.FloatField(help_text="of the image's exposure; kept by the database"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="quality",
            field=photometry.models.RealField(help_text="fraction of the PSF on usable pixels"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="ra",
            field=models.FloatField(help_text="of the reference source, ICRS degrees"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="rchi2",
            field=photometry.models.RealField(help_text="PSF-weighted reduced chi2 of the fit"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="x",
            field=photometry.models.RealField(help_text="on this image, pixels from 0"),
        ),
        migrations.AlterField(
            model_name="galnondetection",
            name="y",
            field=photometry.models.RealField(help_text="on this image, pixels from 0"),
        ),
    ]
