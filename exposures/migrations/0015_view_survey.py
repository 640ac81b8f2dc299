"""A permission without which nobody sees anything of the survey; every group has it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0014_possible_times"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="galexposure",
            options={"ordering": ["mjd"], "permissions": [("view_survey", "Can see the survey")]},
        ),
    ]
