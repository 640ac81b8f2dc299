"""Candidates count the images on which they were looked for, and those on which in vain."""

from django.db import migrations, models

COUNT = """
UPDATE galcandidates AS c SET n_epochs = n_epochs + missed.n, n_non_detections = missed.n
FROM (
    SELECT refsource_id, count(*) AS n FROM (
        SELECT refsource_id, galimage_id FROM galnondetections WHERE limit_mag <> 'NaN'
        UNION
        SELECT refsource_id, galimage_id FROM galvarobjs WHERE kind = 'vanished'
    ) AS looked_for GROUP BY refsource_id
) AS missed
WHERE missed.refsource_id = c.refsource_id AND c.kind = 'changed';
UPDATE galcandidates SET n_non_detections = greatest(n_epochs - n_changes, 0) WHERE kind = 'new';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0014_upper_limits"),
        ("variables", "0015_on_the_sky"),
    ]

    operations = [
        migrations.AddField(
            model_name="galcandidate",
            name="n_non_detections",
            field=models.PositiveIntegerField(
                default=0, help_text="of these, those on which it was not detected"
            ),
        ),
        migrations.AlterField(
            model_name="galcandidate",
            name="n_epochs",
            field=models.PositiveIntegerField(
                help_text="images on which it was looked for, detected or not, the reference's included; if new: images that show the place"
            ),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
