"""Descriptions of columns that models now share; the tables stay as they are."""

from django.db import migrations

import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0019_words_of_changes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galnewdetection",
            name="flux_err",
            field=photometry.models.RealField(help_text="ADU, as fitted"),
        ),
        migrations.AlterField(
            model_name="galnewdetection",
            name="fracflux",
            field=photometry.models.RealField(
                help_text="of the flux in the stamp that is the source's own"
            ),
        ),
        migrations.AlterField(
            model_name="galnewdetection",
            name="mag_err",
            field=photometry.models.RealField(
                help_text="with the floor, expanded so that chi2/nu is 1"
            ),
        ),
        migrations.AlterField(
            model_name="galnewdetection",
            name="rchi2",
            field=photometry.models.RealField(help_text="PSF-weighted reduced chi2 of the fit"),
        ),
    ]
