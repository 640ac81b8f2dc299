"""Catalogues and reference sets refer to sets of options, instead of 3 kB of them on each row."""

import django.db.models.deletion
from django.db import migrations, models

REFER = """
INSERT INTO galoptionsets (options)
SELECT DISTINCT ON (galoptions_hash(options)) options FROM {table} WHERE options IS NOT NULL
ON CONFLICT DO NOTHING;
ALTER TABLE {table}
    ALTER COLUMN options DROP NOT NULL,
    ALTER COLUMN options TYPE uuid USING galoptions_hash(options);
ALTER TABLE {table} RENAME COLUMN options TO option_set_id;
CREATE INDEX {table}_option_set ON {table} (option_set_id);
ALTER TABLE {table} ADD CONSTRAINT {table}_option_set_fk FOREIGN KEY (option_set_id)
    REFERENCES galoptionsets (hash) DEFERRABLE INITIALLY DEFERRED;
"""
KEEP = """
ALTER TABLE {table} ADD COLUMN options jsonb;
UPDATE {table} SET options = sets.options FROM galoptionsets sets WHERE hash = option_set_id;
ALTER TABLE {table} DROP COLUMN option_set_id;
UPDATE {table} SET options = '{{}}' WHERE options IS NULL;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE {table} ALTER COLUMN options SET NOT NULL;
"""


def option_set():
    return models.ForeignKey(
        blank=True,
        help_text="its options",
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="%(class)ss",
        to="exposures.galoptionset",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0023_option_sets"),
        ("photometry", "0025_faster_pages"),
    ]

    operations = [
        migrations.RunSQL(
            REFER.format(table=f"{model}s"),
            KEEP.format(table=f"{model}s"),
            state_operations=[
                migrations.RemoveField(model, "options"),
                migrations.AddField(model, "option_set", option_set()),
            ],
        )
        for model in ("galreference", "galreferenceset")
    ]
