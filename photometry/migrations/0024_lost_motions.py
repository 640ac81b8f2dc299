from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0023_motions_of_published_stars"),
    ]

    operations = [
        migrations.AddField(
            model_name="galreference",
            name="lost_motions",
            field=models.BooleanField(
                default=False, help_text="published stars whose motions its sources have are gone"
            ),
        ),
    ]
