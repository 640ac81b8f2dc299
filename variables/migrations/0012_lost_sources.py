"""Places of new sources whose catalogue is gone."""

import django.contrib.postgres.indexes
from django.db import migrations, models

import exposures.q3c


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0011_new_sources"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalLostSource",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("ra", models.FloatField(help_text="ICRS degrees")),
                ("dec", models.FloatField(help_text="ICRS degrees")),
                ("filter", models.CharField(max_length=16)),
            ],
            options={
                "db_table": "gallostsources",
                "indexes": [
                    django.contrib.postgres.indexes.BTreeIndex(
                        exposures.q3c.Q3CIndexExpression("ra", "dec"), name="gallostsources_q3c"
                    )
                ],
            },
        ),
    ]
