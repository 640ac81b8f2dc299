"""What people decided, and the logs, can't be emptied: TRUNCATE is refused as DELETE of votes is."""

from django.db import migrations

TABLES = (
    *("galdecisions", "galflags", "galflagdecisions", "galqualitydecisions", "galsuccessions"),
    *("galcampaigns", "galcampaignobjects", "galtaxonomies", "galclasses", "galcheckpoints"),
    *("galsearches", "galunblindings"),
)
MAKE = """
CREATE FUNCTION gal_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% holds what people decided, or a log: it is not emptied', TG_TABLE_NAME
        USING HINT = 'Make another database for another survey.';
END
$$;
"""
MAKE_ON = """
CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION gal_not_emptied();
"""
DROP_ON = "DROP TRIGGER {table}_not_emptied ON {table};"
DROP = "DROP FUNCTION gal_not_emptied();"


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0011_image_quality"),
        ("variables", "0017_unblindings"),
    ]

    operations = [
        migrations.RunSQL(MAKE, DROP),
        *(
            migrations.RunSQL(MAKE_ON.format(table=table), DROP_ON.format(table=table))
            for table in TABLES
        ),
    ]
