"""Numbers of chips by exposure and state, which the database keeps true where rows change.

Each statement adds rows with what it changed, and nobody waits for another; now and then whoever
changes something puts the rows of one kind together.
"""

from django.db import migrations, models

# What a chip counts as, by the alias of its row.
COUNTED = """{0}.exposure_id, {0}.status, {0}.is_reference, {0}.is_doubted,
    {0}.job_id IS NOT NULL"""
COLUMNS = "exposure_id, status, is_reference, is_doubted, is_asked_for"
COUNTS_LOCK = 0x6A10050  # of exposures.locks
MAKE = f"""
CREATE FUNCTION galimagecounts_fold() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- One at a time, and with a look at what was committed before this statement.
    IF current_setting('transaction_isolation') = 'read committed'
        AND pg_try_advisory_xact_lock({COUNTS_LOCK}, 1)
    THEN
        WITH gone AS (DELETE FROM galimagecounts RETURNING *)
        INSERT INTO galimagecounts ({COLUMNS}, n_chips, n_sources)
        SELECT {COLUMNS}, sum(n_chips), sum(n_sources) FROM gone GROUP BY {COLUMNS}
        HAVING sum(n_chips) <> 0 OR sum(n_sources) <> 0;
    END IF;
END
$$;
CREATE FUNCTION galimages_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM galimagecounts;
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO galimagecounts ({COLUMNS}, n_chips, n_sources)
        SELECT {COUNTED.format("n")}, count(*), sum(coalesce(n.n_sources, 0))
        FROM new_rows AS n GROUP BY 1, 2, 3, 4, 5;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO galimagecounts ({COLUMNS}, n_chips, n_sources)
        SELECT {COUNTED.format("o")}, -count(*), -sum(coalesce(o.n_sources, 0))
        FROM old_rows AS o GROUP BY 1, 2, 3, 4, 5;
    ELSE
        INSERT INTO galimagecounts ({COLUMNS}, n_chips, n_sources)
        SELECT exposure_id, status, is_reference, is_doubted, is_asked_for, sum(n), sum(n_sources)
        FROM (
            SELECT {COUNTED.format("o")} AS is_asked_for, -1 AS n,
                -coalesce(o.n_sources, 0) AS n_sources FROM old_rows AS o
            UNION ALL
            SELECT {COUNTED.format("n")}, 1, coalesce(n.n_sources, 0) FROM new_rows AS n
        ) AS change
        GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0 OR sum(n_sources) <> 0;
    END IF;
    IF FOUND AND random() < 0.01 THEN
        PERFORM galimagecounts_fold();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_insert AFTER INSERT ON galimages REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galimages_count();
CREATE TRIGGER count_delete AFTER DELETE ON galimages REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galimages_count();
CREATE TRIGGER count_update AFTER UPDATE ON galimages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galimages_count();
CREATE TRIGGER count_truncate AFTER TRUNCATE ON galimages
    FOR EACH STATEMENT EXECUTE FUNCTION galimages_count();
INSERT INTO galimagecounts ({COLUMNS}, n_chips, n_sources)
    SELECT {COUNTED.format("i")}, count(*), sum(coalesce(i.n_sources, 0))
    FROM galimages AS i GROUP BY 1, 2, 3, 4, 5;
"""
DROP = """
DROP TRIGGER count_insert ON galimages;
DROP TRIGGER count_delete ON galimages;
DROP TRIGGER count_update ON galimages;
DROP TRIGGER count_truncate ON galimages;
DROP FUNCTION galimages_count();
DROP FUNCTION galimagecounts_fold();
"""
# Nobody changes a row between the first count and the triggers.
LOCK = "LOCK TABLE galimages IN SHARE ROW EXCLUSIVE MODE"


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0026_asked_chips"),
    ]

    operations = [
        migrations.RunSQL(LOCK, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="GalImageCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("exposure_id", models.BigIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("queued", "Queued"),
                            ("waiting", "Waiting"),
                            ("working", "Working"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        max_length=8,
                    ),
                ),
                ("is_reference", models.BooleanField()),
                ("is_doubted", models.BooleanField()),
                ("is_asked_for", models.BooleanField(help_text="by a job")),
                ("n_chips", models.IntegerField(help_text="more, or fewer")),
                (
                    "n_sources",
                    models.BigIntegerField(help_text="rows saved in galsources, more or fewer"),
                ),
            ],
            options={
                "db_table": "galimagecounts",
                "default_permissions": (),
                "indexes": [models.Index(fields=["exposure_id"], name="galimagecounts_exposure")],
            },
        ),
        migrations.RunSQL(MAKE, DROP),
    ]
