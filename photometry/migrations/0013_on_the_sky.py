"""Hold right ascensions to 0 <= RA < 360 in the tables of sources and objects.

All of galsources is read once: half a second a million rows, in which nothing can be read or
stored.
"""

from importlib import import_module

from django.db import migrations

sky = import_module("exposures.migrations.0010_on_the_sky")

# A statement over all partitions would need four locks of each.
MEND_PARTITIONS = """
    DECLARE
        partition text;
    BEGIN
        FOR partition IN
            SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'galsources'::regclass ORDER BY c.oid
        LOOP
            EXECUTE replace($mend${mend}$mend$, 'a partition', quote_ident(partition));
        END LOOP;
    END;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0010_on_the_sky"),
        ("photometry", "0012_longer_names"),
    ]

    operations = [
        migrations.RunSQL(
            sky.HOLD.format(
                table="galsources", mend=MEND_PARTITIONS.format(mend=sky.mend("a partition"))
            ),
            sky.LET_GO.format(table="galsources"),
            state_operations=[sky.on_the_sky("galsource", "galsources")],
        ),
        sky.held("galnondetection", "galnondetections"),
        sky.held("galobject", "galobjects"),
        sky.held("galobjectsource", "galobjectsources"),
    ]
