from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0058_added_sources_by_date"),
    ]

    operations = [
        migrations.AddField(
            model_name="galwatchnews",
            name="is_held_back",
            field=models.BooleanField(
                default=False,
                help_text="blind to the watch's owner, and told when it no longer is",
            ),
        ),
        migrations.AddIndex(
            model_name="galwatchnews",
            index=models.Index(
                condition=models.Q(("is_held_back", True)),
                fields=["watch", "id"],
                name="galwatchnews_held_back",
            ),
        ),
    ]
