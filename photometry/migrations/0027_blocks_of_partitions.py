"""Put the partitions of galsources into blocks of 64 catalogues, so that thousands plan as hundreds.

Names, rows, indexes, privileges and ids stay as they are, and nothing is written anew: no room on
the disk is needed. First each partition gets a CHECK of its ids, so that it can change its place
without being read there. PostgreSQL reads it once to believe that, beside those who read and write
it: 0.05 s of processor time a million rows, or as long as the disk takes. Then the blocks change
their place, one a transaction, in which nothing of galsources can be read or stored: 0.1 s of
processor time at 200 partitions, 1.3 s at 6,000, of which all takes a minute. A transaction holds
340 locks at most, however many partitions there are.

Who is killed, or gives up behind a long query, loses nothing and goes on by ``migrate``. Until then
no catalogue can be stored whose id lies among those of partitions that are left.
"""

from itertools import groupby

from django.db import migrations, transaction

RANK_BITS, BLOCK_BITS = 20, 6
# Partitions of one catalogue, by the id of it, that a table has.
OWN = """
SELECT substring(c.relname FROM '^galsources_([0-9]+)$')::bigint
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass AND c.relname ~ '^galsources_[0-9]+$' ORDER BY 1
"""
BLOCKS = """
SELECT substring(c.relname FROM '^galsources_block_([0-9]+)$')::bigint
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'galsources'::regclass AND c.relname ~ '^galsources_block_[0-9]+$' ORDER BY 1
"""
HAS_CHECK = "SELECT FROM pg_constraint WHERE conrelid = %s::regclass AND conname = 'ids'"
OWNER = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'galsources'::regclass"


def numbers(cursor, query, *parameters):
    cursor.execute(query, parameters or None)
    return [number for (number,) in cursor.fetchall()]


def bounds(number, bits):
    """The FOR VALUES of a partition whose ids have a number above so many bits."""
    return f"FOR VALUES FROM ({number << bits}) TO ({number + 1 << bits})"


def check_ids(cursor, catalogue):
    """Add a CHECK of a partition's range, without a lock that anybody waits for meanwhile."""
    table, first = f"galsources_{catalogue}", catalogue << RANK_BITS
    cursor.execute(HAS_CHECK, [table])
    if not cursor.rowcount:
        cursor.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT ids CHECK"
            f" (refsource_id >= {first} AND refsource_id < {catalogue + 1 << RANK_BITS}) NOT VALID"
        )
    cursor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ids")


def move(cursor, catalogues, old, new):
    """Make partitions of one table those of another."""
    for catalogue in catalogues:
        table = f"galsources_{catalogue}"
        cursor.execute(f"ALTER TABLE {old} DETACH PARTITION {table}")
        cursor.execute(f"ALTER TABLE {new} ATTACH PARTITION {table} {bounds(catalogue, RANK_BITS)}")


def drop_checks(cursor, catalogues):
    for catalogue in catalogues:
        cursor.execute(f"ALTER TABLE galsources_{catalogue} DROP CONSTRAINT ids")


def make_blocks(apps, schema_editor):
    using = schema_editor.connection
    with using.cursor() as cursor:
        catalogues = numbers(cursor, OWN, "galsources")
        for catalogue in catalogues:
            check_ids(cursor, catalogue)
        for block, members in groupby(catalogues, lambda catalogue: catalogue >> BLOCK_BITS):
            with transaction.atomic(using.alias):
                make_block(cursor, block, list(members))


def make_block(cursor, block, catalogues):
    table = f"galsources_block_{block}"
    cursor.execute("LOCK TABLE ONLY galsources IN ACCESS EXCLUSIVE MODE")
    cursor.execute(
        f"CREATE TABLE {table} (LIKE galsources INCLUDING ALL) PARTITION BY RANGE (refsource_id)"
    )
    (owner,) = numbers(cursor, OWNER)
    cursor.execute(f"ALTER TABLE {table} OWNER TO {owner}")
    move(cursor, catalogues, "galsources", table)
    cursor.execute(
        f"ALTER TABLE galsources ATTACH PARTITION {table} {bounds(block, RANK_BITS + BLOCK_BITS)}"
    )
    drop_checks(cursor, catalogues)


def drop_blocks(apps, schema_editor):
    using = schema_editor.connection
    with using.cursor() as cursor:
        for block in numbers(cursor, BLOCKS):
            table = f"galsources_block_{block}"
            catalogues = numbers(cursor, OWN, table)
            for catalogue in catalogues:
                check_ids(cursor, catalogue)
            with transaction.atomic(using.alias):
                cursor.execute("LOCK TABLE ONLY galsources IN ACCESS EXCLUSIVE MODE")
                cursor.execute(f"ALTER TABLE galsources DETACH PARTITION {table}")
                move(cursor, catalogues, table, "galsources")
                drop_checks(cursor, catalogues)
                cursor.execute(f"DROP TABLE {table}")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("photometry", "0026_option_sets"),
    ]

    operations = [
        migrations.RunPython(make_blocks, drop_blocks),
    ]
