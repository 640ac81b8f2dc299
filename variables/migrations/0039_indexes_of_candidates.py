"""Indexes for each order and each filter of the lists of candidates, in both directions."""

import django.db.models.expressions
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0027_blocks_of_partitions"),
        ("variables", "0038_flagged_changes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["n_detections", "refsource_id"], name="galcandidates_by_detections"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["star_detections", "refsource_id"], name="galcandidates_by_star"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["filter", "star_detections_in_filter", "refsource_id"],
                name="galcandidates_by_in_filter",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["n_changes", "refsource_id"], name="galcandidates_by_changes"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["star_changes", "refsource_id"], name="galcandidates_by_star_changes"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["ccdnum", "refsource_id"], name="galcandidates_by_chip"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["filter", "refsource_id"], name="galcandidates_by_filter"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["n_epochs", "refsource_id"], name="galcandidates_by_epochs"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["max_delta_mag", "refsource_id"], name="galcandidates_by_change"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["max_significance", "refsource_id"], name="galcandidates_by_sigma"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["last_mjd", "refsource_id"], name="galcandidates_by_last"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["rms_mag", "refsource_id"], name="galcandidates_by_rms"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["von_neumann", "refsource_id"], name="galcandidates_by_neumann"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["excess_mag", "refsource_id"], name="galcandidates_by_excess"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["known", "refsource_id"], name="galcandidates_by_known"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["cause", "refsource_id"], name="galcandidates_by_cause"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["n_votes", "refsource_id"], name="galcandidates_by_votes"),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("period_days__isnull", False)),
                fields=["period_days", "refsource_id"],
                name="galcandidates_by_period",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("colour_mag__isnull", False)),
                fields=["colour_mag", "refsource_id"],
                name="galcandidates_by_colour",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("absolute_mag__isnull", False)),
                fields=["absolute_mag", "refsource_id"],
                name="galcandidates_by_absolute",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("period_agreement", "none"), _negated=True),
                fields=["period_agreement", "refsource_id"],
                name="galcandidates_agreement",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("known_class__isnull", False)),
                fields=["known_class", "refsource_id"],
                name="galcandidates_known_class",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("kind", "changed"), _negated=True),
                fields=["kind", "star_detections", "refsource_id"],
                name="galcandidates_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("is_flagged", True)),
                fields=["refsource_id"],
                name="galcandidates_flagged",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(("is_disputed", True)),
                fields=["refsource_id"],
                name="galcandidates_disputed",
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        django.db.models.expressions.CombinedExpression(
                            models.F("refsource_id"), "%%", models.Value(127)
                        ),
                        0,
                    )
                ),
                fields=["refsource_id"],
                name="galcandidates_sample",
            ),
        ),
        # Last, as nobody reads candidates from here to the commit.
        migrations.RemoveIndex(
            model_name="galcandidate",
            name="galcandidates_detections",
        ),
        migrations.RemoveIndex(
            model_name="galcandidate",
            name="galcandidates_sigma",
        ),
        migrations.RemoveIndex(
            model_name="galcandidate",
            name="galcandidates_last",
        ),
        migrations.RemoveIndex(
            model_name="galcandidate",
            name="galcandidates_star",
        ),
    ]
