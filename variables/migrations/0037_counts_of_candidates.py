"""Numbers of candidates, which the database keeps true where rows change.

A number is a sum over candidates of what each counts as by its own columns alone: so it is true
whoever changes which rows at once. Each statement adds rows with what it changed, and nobody waits
for another; now and then whoever changes something puts the rows of one kind together.
"""

from django.db import migrations, models

COUNTS_LOCK = 0x6A10050  # of exposures.locks
CANDIDATES_LOCK = 0x6A10010
# What numbers follow from.
COLUMNS = (
    *("filter", "n_detections", "n_changes", "star_detections", "star_detections_in_filter"),
    *("star_changes", "star_changes_in_filter", "known", "varies", "is_flagged", "consensus_id"),
    *("is_disputed", "counted_as"),
)
TYPES = {
    "filter": "varchar",
    "known": "varchar",
    "varies": "boolean",
    "is_flagged": "boolean",
    "consensus_id": "bigint",
    "is_disputed": "boolean",
    "counted_as": "smallint",
}
PARAMETERS = ", ".join(f"c_{name} {TYPES.get(name, 'integer')}" for name in COLUMNS)
ACCEPTED = "(c_n_detections > 0 OR c_varies) AND NOT c_is_flagged"


def all_of(alias):
    """The columns of a row, by its alias."""
    return ", ".join(f"{alias}.{name}" for name in COLUMNS)


def as_bit(bit, condition="true"):
    return f"c_counted_as & {bit} > 0 AND {condition}"


# Of what it is a number, of which filter, by which number, and which candidates count.
NUMBERS = (
    ("detections", "c_filter", "c_n_detections", as_bit(1, ACCEPTED), as_bit(1, ACCEPTED)),
    ("changes", "c_filter", "c_n_changes", as_bit(1), as_bit(1)),
    ("star detections", "''", "c_star_detections", as_bit(8, ACCEPTED), as_bit(128, ACCEPTED)),
    ("star changes", "''", "c_star_changes", as_bit(2), as_bit(32)),
    (
        "detections in filter",
        "c_filter",
        "c_star_detections_in_filter",
        as_bit(16, ACCEPTED),
        as_bit(256, ACCEPTED),
    ),
    ("changes in filter", "c_filter", "c_star_changes_in_filter", as_bit(4), as_bit(64)),
)
IS_TOLD = "c_known <> 'not-looked-up'"
CELLS = ",\n        ".join(
    (
        *(
            f"('{of}', {of_filter}, '', {number}, {counts})"
            for of, of_filter, number, counts, _ in NUMBERS
        ),
        *(
            f"('{of}', {of_filter}, c_known, 0, {IS_TOLD} AND {counts})"
            for of, of_filter, _, _, counts in NUMBERS
        ),
        f"('vetted', '', '', c_star_detections, c_consensus_id IS NOT NULL AND {as_bit(8, ACCEPTED)})",
        f"('disputed', '', '', 0, c_is_disputed AND {as_bit(8, ACCEPTED)})",
        "('undetected', '', '', 0, c_star_detections = 0 AND NOT c_varies AND NOT c_is_flagged"
        f" AND {as_bit(2)})",
        f"('flagged', '', '', 0, c_is_flagged AND {as_bit(2)})",
    )
)
CELL = '"of", filter, known, number'
INTO = f"INSERT INTO galcandidatecounts ({CELL}, n_candidates)"
OF_CELL = 'cell."of", cell.filter, cell.known, cell.number'
MAKE = f"""
CREATE FUNCTION galcandidates_cells({PARAMETERS})
RETURNS TABLE ("of" varchar, filter varchar, known varchar, number integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT v."of"::varchar, v.filter::varchar, v.known::varchar, v.number FROM (VALUES
        {CELLS}
    ) AS v ("of", filter, known, number, counts) WHERE v.counts
$$;
COMMENT ON FUNCTION galcandidates_cells IS
    'Among which numbers of galcandidatecounts a candidate counts, by its columns.';
CREATE FUNCTION galcandidatecounts_fold() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- One at a time, and with a look at what was committed before this statement.
    IF current_setting('transaction_isolation') = 'read committed'
        AND pg_try_advisory_xact_lock({COUNTS_LOCK}, 2)
    THEN
        WITH gone AS (DELETE FROM galcandidatecounts RETURNING *)
        {INTO}
        SELECT {CELL}, sum(n_candidates) FROM gone GROUP BY {CELL} HAVING sum(n_candidates) <> 0;
    END IF;
END
$$;
CREATE FUNCTION galcandidates_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM galcandidatecounts;
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        {INTO} SELECT {OF_CELL}, count(*)
        FROM new_rows AS n CROSS JOIN galcandidates_cells({all_of("n")}) AS cell
        GROUP BY 1, 2, 3, 4;
    ELSIF TG_OP = 'DELETE' THEN
        {INTO} SELECT {OF_CELL}, -count(*)
        FROM old_rows AS o CROSS JOIN galcandidates_cells({all_of("o")}) AS cell
        GROUP BY 1, 2, 3, 4;
    ELSE
        {INTO}
        WITH changed AS MATERIALIZED (
            SELECT o.refsource_id FROM old_rows AS o JOIN new_rows AS n USING (refsource_id)
            WHERE ({all_of("o")}) IS DISTINCT FROM ({all_of("n")})
        )
        SELECT {OF_CELL}, sum(change.sign) FROM (
            SELECT -1 AS sign, {all_of("o")} FROM old_rows AS o JOIN changed USING (refsource_id)
            UNION ALL
            SELECT 1, {all_of("n")} FROM new_rows AS n JOIN changed USING (refsource_id)
        ) AS change CROSS JOIN galcandidates_cells({all_of("change")}) AS cell
        GROUP BY 1, 2, 3, 4 HAVING sum(change.sign) <> 0;
    END IF;
    IF FOUND AND random() < 0.01 THEN
        PERFORM galcandidatecounts_fold();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_insert AFTER INSERT ON galcandidates REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galcandidates_count();
CREATE TRIGGER count_delete AFTER DELETE ON galcandidates REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galcandidates_count();
CREATE TRIGGER count_update AFTER UPDATE ON galcandidates
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galcandidates_count();
CREATE TRIGGER count_truncate AFTER TRUNCATE ON galcandidates
    FOR EACH STATEMENT EXECUTE FUNCTION galcandidates_count();
CREATE FUNCTION galreferences_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Nobody adds candidates of the catalogue meanwhile that would count as those of one in use.
    PERFORM pg_advisory_xact_lock({CANDIDATES_LOCK}, NEW.id::integer);
    UPDATE galcandidates SET counted_as = CASE WHEN NEW.active THEN 511 ELSE 0 END
    WHERE catalogue_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_candidates AFTER UPDATE OF active ON galreferences FOR EACH ROW
    WHEN (old.active IS DISTINCT FROM new.active) EXECUTE FUNCTION galreferences_count();
{INTO} SELECT {OF_CELL}, count(*)
FROM galcandidates AS c CROSS JOIN galcandidates_cells({all_of("c")}) AS cell
GROUP BY 1, 2, 3, 4;
"""
# All are alone but those that say otherwise, and few are.
KEY = "coalesce(c.object_id, -1 - c.refsource_id), c.is_flagged, c.object_part"
ORDER = "ORDER BY c.n_detections DESC, c.n_changes DESC, c.refsource_id"
SURENESS = "array_position(ARRAY['known', 'cant-be-told', 'new'], c.known::text)"
IS_ACCEPTED = "(c.n_detections > 0 OR c.varies) AND NOT c.is_flagged"
AMONG = {
    2: "",
    4: ", c.filter",
    8: f", {IS_ACCEPTED}",
    16: f", {IS_ACCEPTED}, c.filter",
    32: ", c.known",
    64: ", c.known, c.filter",
    128: f", c.known, {IS_ACCEPTED}",
    256: f", c.known, {IS_ACCEPTED}, c.filter",
}
BITS = "".join(
    f"""
        + CASE WHEN {"is_surest AND " if bit >= 32 else ""}row_number() OVER (
            PARTITION BY {KEY}{among} {ORDER}) = 1 THEN {bit} ELSE 0 END"""
    for bit, among in AMONG.items()
)
FILL = f"""
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE galcandidates AS c SET counted_as = 0 FROM galreferences AS r
WHERE r.id = c.catalogue_id AND NOT r.active;
UPDATE galcandidates SET counted_as = bits.counted_as
FROM (
    SELECT c.refsource_id, 1{BITS} AS counted_as
    FROM (
        SELECT c.*, {SURENESS} IS NOT DISTINCT FROM min({SURENESS}) OVER (
            PARTITION BY {KEY}) AS is_surest
        FROM galcandidates AS c JOIN galreferences AS r ON r.id = c.catalogue_id
        WHERE c.star_sources > 1 AND r.active
    ) AS c
) AS bits
WHERE galcandidates.refsource_id = bits.refsource_id AND bits.counted_as <> 511;
SET CONSTRAINTS ALL DEFERRED;
"""
DROP = """
DROP TRIGGER count_candidates ON galreferences;
DROP FUNCTION galreferences_count();
DROP TRIGGER count_insert ON galcandidates;
DROP TRIGGER count_delete ON galcandidates;
DROP TRIGGER count_update ON galcandidates;
DROP TRIGGER count_truncate ON galcandidates;
DROP FUNCTION galcandidates_count();
DROP FUNCTION galcandidatecounts_fold();
DROP FUNCTION galcandidates_cells;
"""
LOCK = "LOCK TABLE galcandidates, galreferences IN SHARE ROW EXCLUSIVE MODE"


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0036_counted_as"),
    ]

    operations = [
        migrations.RunSQL(LOCK, migrations.RunSQL.noop),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(MAKE, DROP),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(
                    models.Q(consensus__isnull=False) | models.Q(is_disputed=True),
                    models.Q(n_detections__gt=0) | models.Q(varies=True),
                    is_flagged=False,
                ),
                fields=["refsource_id"],
                include=["star_detections", "counted_as", "consensus", "is_disputed"],
                name="galcandidates_voted",
            ),
        ),
    ]
