import django.contrib.postgres.indexes
from django.db import migrations, models

import exposures.q3c


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0005_collaborators"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galimage",
            index=django.contrib.postgres.indexes.BTreeIndex(
                exposures.q3c.Q3CIndexExpression("ra", "dec"),
                condition=models.Q(("is_reference", True)),
                name="galimages_references_q3c",
            ),
        ),
    ]
