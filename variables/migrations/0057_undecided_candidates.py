from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0033_left_over"),
        ("variables", "0056_added_sources"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(
                    ("consensus__isnull", True), ("is_disputed", False), ("n_votes__gt", 0)
                ),
                fields=["refsource_id"],
                include=(
                    "kind",
                    "catalogue",
                    "filter",
                    "ccdnum",
                    "ra",
                    "dec",
                    "is_flagged",
                    "varies",
                    "n_detections",
                    "n_changes",
                    "object_id",
                    "object_part",
                    "star_sources",
                    "cause",
                    "reference_mag",
                    "max_delta_mag",
                    "max_significance",
                    "excess_mag",
                    "false_alarm",
                    "period_days",
                    "period_agreement",
                    "colour_mag",
                    "absolute_mag",
                    "known",
                    "known_class",
                    "consensus",
                    "is_disputed",
                    "n_votes",
                    "star_detections",
                    "star_changes",
                ),
                name="galcandidates_undecided",
            ),
        ),
    ]
