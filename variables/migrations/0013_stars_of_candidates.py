"""Candidates say which star they are of, and how often that was detected."""

from django.db import migrations, models

# As each candidate's star was detected when it is one source alone, and then those of several.
FILL = """
WITH parts AS (
    SELECT c.refsource_id, c.filter, c.is_flagged, c.n_detections, c.n_changes, o.object_id,
        CASE WHEN o.object_id IS NULL THEN 1 ELSE row_number() OVER (
            PARTITION BY o.object_id, c.is_flagged, c.catalogue_id
            ORDER BY c.n_detections DESC, c.n_changes DESC, c.refsource_id
        ) END AS part
    FROM galcandidates c
    LEFT JOIN galreferences r ON r.id = c.catalogue_id AND r.active
    LEFT JOIN galobjectsources o ON o.refsource_id = c.refsource_id AND r.id IS NOT NULL
), stars AS (
    SELECT object_id, is_flagged, part, count(*) AS n FROM parts
    WHERE object_id IS NOT NULL GROUP BY 1, 2, 3
), in_filters AS (
    SELECT p.object_id, p.is_flagged, p.part, p.filter,
        count(DISTINCT v.galimage_id) FILTER (WHERE v.failed_cuts = 0 AND NOT v.is_flagged) AS found,
        count(DISTINCT v.galimage_id) AS changed
    FROM parts p JOIN stars USING (object_id, is_flagged, part)
    JOIN galvarobjs v USING (refsource_id)
    WHERE stars.n > 1 GROUP BY 1, 2, 3, 4
), sums AS (
    SELECT *, sum(found) OVER star AS all_found, sum(changed) OVER star AS all_changed
    FROM in_filters WINDOW star AS (PARTITION BY object_id, is_flagged, part)
)
UPDATE galcandidates c SET object_id = p.object_id, object_part = p.part,
    star_sources = coalesce(stars.n, 1),
    star_detections = coalesce(s.all_found, c.n_detections),
    star_detections_in_filter = coalesce(s.found, c.n_detections),
    star_changes = coalesce(s.all_changed, c.n_changes),
    star_changes_in_filter = coalesce(s.changed, c.n_changes)
FROM parts p
LEFT JOIN stars ON (stars.object_id, stars.is_flagged, stars.part)
    = (p.object_id, p.is_flagged, p.part)
LEFT JOIN sums s ON (s.object_id, s.is_flagged, s.part, s.filter)
    = (p.object_id, p.is_flagged, p.part, p.filter)
WHERE c.refsource_id = p.refsource_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0011_epochs_of_measurements"),
        ("variables", "0012_lost_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="galcandidate",
            name="object_id",
            field=models.BigIntegerField(
                help_text="the star, of galobjects; null: not cross-matched", null=True
            ),
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="object_part",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="of a blend that is several sources here: which of its stars, from 1",
            ),
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="star_changes",
            field=models.PositiveIntegerField(
                default=0,
                help_text="images on which any source of the star changed, in all filters",
            ),
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="star_changes_in_filter",
            field=models.PositiveIntegerField(
                default=0, help_text="of these, those in this candidate's filter"
            ),
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="star_detections",
            field=models.PositiveIntegerField(
                default=0,
                help_text="images on which any source of the star was detected, in all filters",
            ),
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="star_detections_in_filter",
            field=models.PositiveIntegerField(
                default=0, help_text="of these, those in this candidate's filter"
            ),
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="star_sources",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="candidates of the same star; flagged ones are counted apart"
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                fields=["-star_detections", "refsource_id"], name="galcandidates_star"
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["object_id"], name="galcandidates_object"),
        ),
    ]
