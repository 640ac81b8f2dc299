"""Options are stored once a set, and rows refer to it, instead of 3 kB of them on each row.

A table is written anew as its column becomes a hash, which gives its room back at once; meanwhile
nobody reads it.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

TABLE = r"""
CREATE FUNCTION galoptions_hash(options jsonb) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT left(encode(sha256(decode(replace(options::text, '\', '\\'), 'escape')), 'hex'), 32)::uuid
$$;
COMMENT ON FUNCTION galoptions_hash(jsonb) IS
    'The first 128 bits of the SHA-256 of options as text, by which a set of options is found';
CREATE TABLE galoptionsets (
    hash uuid GENERATED ALWAYS AS (galoptions_hash(options)) STORED PRIMARY KEY,
    options jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT statement_timestamp(),
    unused_since timestamptz
);
"""
DROP_TABLE = "DROP TABLE galoptionsets; DROP FUNCTION galoptions_hash(jsonb)"
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
"""
# What rows without options had before.
EMPTY = """
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
        ("exposures", "0022_faster_pages"),
        # Migrations of these read the column that is gone afterwards.
        ("photometry", "0025_faster_pages"),
        ("variables", "0035_faster_pages"),
    ]

    operations = [
        migrations.RunSQL(
            TABLE,
            DROP_TABLE,
            state_operations=[
                migrations.CreateModel(
                    name="GalOptionSet",
                    fields=[
                        (
                            "hash",
                            models.UUIDField(
                                editable=False,
                                help_text=(
                                    "first 128 bits of the SHA-256 of the options as text; kept "
                                    "by the database"
                                ),
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("options", models.JSONField()),
                        (
                            "created",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(),
                                editable=False,
                            ),
                        ),
                        (
                            "unused_since",
                            models.DateTimeField(
                                editable=False,
                                help_text="when nothing referred to it any more; else null",
                                null=True,
                            ),
                        ),
                    ],
                    options={"db_table": "galoptionsets", "ordering": ["created"]},
                ),
            ],
        ),
        migrations.RunSQL(
            REFER.format(table="galimages"),
            KEEP.format(table="galimages"),
            state_operations=[
                migrations.RemoveField("galimage", "options"),
                migrations.AddField("galimage", "option_set", option_set()),
            ],
        ),
        migrations.RunSQL(
            REFER.format(table="galjobs"),
            (KEEP + EMPTY).format(table="galjobs"),
            state_operations=[
                migrations.RemoveField("galjob", "options"),
                migrations.AddField("galjob", "option_set", option_set()),
            ],
        ),
    ]
