"""Hold right ascensions to 0 <= RA < 360 in the tables of changes, candidates and decisions."""

from importlib import import_module

from django.db import migrations

sky = import_module("exposures.migrations.0010_on_the_sky")

# Decisions are only added; where they are on the sky is no part of what somebody decided.
LET_MEND = "ALTER TABLE galdecisions DISABLE TRIGGER galdecisions_stay"
KEEP = "ALTER TABLE galdecisions ENABLE TRIGGER galdecisions_stay"


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0010_on_the_sky"),
        ("variables", "0014_longer_names"),
    ]

    operations = [
        sky.held("galcandidate", "galcandidates"),
        sky.held("galvarobj", "galvarobjs"),
        migrations.RunSQL(LET_MEND, migrations.RunSQL.noop),
        sky.held("galdecision", "galdecisions"),
        migrations.RunSQL(KEEP, migrations.RunSQL.noop),
        sky.held("galnewsource", "galnewsources"),
        sky.held("gallostsource", "gallostsources"),
        sky.held("galnewdetection", "galnewdetections"),
    ]
