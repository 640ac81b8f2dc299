from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0033_left_over"),
        ("variables", "0057_undecided_candidates"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galnewsource",
            index=models.Index(
                models.OrderBy(models.F("added"), descending=True, nulls_last=True),
                models.OrderBy(models.F("refsource_id"), descending=True),
                condition=models.Q(("state", "added"), ("is_kept_out", True), _connector="OR"),
                name="galnewsources_added",
            ),
        ),
        migrations.AddIndex(
            model_name="galnewsource",
            index=models.Index(
                condition=models.Q(("is_kept_out", True)),
                fields=["refsource_id"],
                name="galnewsources_kept_out",
            ),
        ),
    ]
