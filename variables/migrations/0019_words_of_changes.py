"""Changes pass cuts or fail them, and decisions are transferred: words alone, no row changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0018_no_truncate"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galdecision",
            name="how",
            field=models.CharField(
                choices=[
                    ("key", "Key"),
                    ("click", "Click"),
                    ("bulk", "Bulk"),
                    ("api", "Api"),
                    ("carried", "transferred to the source that replaced another"),
                ],
                default="click",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="galnewdetection",
            name="failed_cuts",
            field=models.SmallIntegerField(default=0, help_text="bits of Cut; 0 passes all"),
        ),
        migrations.AlterField(
            model_name="galvarobj",
            name="failed_cuts",
            field=models.SmallIntegerField(default=0, help_text="bits of Cut; 0 passes all"),
        ),
    ]
