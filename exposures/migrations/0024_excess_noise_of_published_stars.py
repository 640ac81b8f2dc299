"""How far published stars scatter about a single moving star, by which images are not placed."""

from django.db import migrations

import exposures.real_field

# Tables of loads that were interrupted are no partitions yet: to become one, they need the columns.
OF_INTERRUPTED_LOADS = """
DO $$
DECLARE
    stars regclass;
BEGIN
    FOR stars IN
        SELECT to_regclass('galpublishedstars_' || id) FROM galpublishedcatalogues
        WHERE loaded_at IS NULL
    LOOP
        IF stars IS NOT NULL THEN
            EXECUTE format(
                'ALTER TABLE %s ADD COLUMN excess_noise real, ADD COLUMN excess_noise_sig real',
                stars
            );
        END IF;
    END LOOP;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0023_option_sets"),
    ]

    operations = [
        migrations.AddField(
            model_name="galpublishedstar",
            name="excess_noise",
            field=exposures.real_field.RealField(
                help_text="mas, scatter about a single moving star", null=True
            ),
        ),
        migrations.AddField(
            model_name="galpublishedstar",
            name="excess_noise_sig",
            field=exposures.real_field.RealField(
                help_text="significance of excess_noise", null=True
            ),
        ),
        migrations.RunSQL(OF_INTERRUPTED_LOADS, migrations.RunSQL.noop),
    ]
