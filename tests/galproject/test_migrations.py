"""Migrations use nothing that may change, and take an older version's tables along whole."""

import ast
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from exposures.kept_counts import OF_IMAGES
from exposures.other_database import connected_to
from galproject.models import GivenPermission
from galproject.site.groups import MAY, VIEWED, complete_groups, permissions_of
from galproject.site.tokens import TokenAuthentication
from scripts.imports import LAYERS, imported_by
from variables.derived.counts import OF_CANDIDATES

PROJECT = Path(settings.BASE_DIR)
# What a field or an index of a model is defined by, as Django itself writes it into migrations.
DEFINITIONS = {
    "exposures.hosts.this_host",
    "exposures.q3c.Q3CIndexExpression",
    "exposures.real_field.RealField",
    "photometry.models.RealField",
}
# The state of 0.1.0, whose tables hold what is in version_0_1_0.sql.
VERSION = [
    ("exposures", "0006_reference_positions"),
    ("photometry", "0011_epochs_of_measurements"),
    ("variables", "0012_lost_sources"),
    ("galproject", "0002_groups"),
]
FIRST = [(app, "0001_initial") for app in ("exposures", "photometry", "variables")]
# What the first tables had: a reference with two sources, measured again on a search image.
FIRST_ROWS = """
CREATE TABLE galsources_1 PARTITION OF galsources FOR VALUES FROM (1048576) TO (2097152);
INSERT INTO galexposures VALUES
    (1, 'decam', '600000', 'i', 57773.3, 30, '', '', 'V4.8.2', 265, -29, '2025-01-01+00'),
    (2, 'decam', '600001', 'i', 57774.3, 30, '', '', 'V4.8.2', -95, -29, '2025-01-01+00');
INSERT INTO galimages (id, exposure_id, reference_id, is_reference, ccdnum, chip_name, path, hdu,
    status, error, notes, code_version, ra, dec, radius, footprint, width, height, options)
SELECT n, n, NULL, n = 1, 35, 'N4', n || '.fits', 1, 'done', '', '{}', '0.0.1', 265, -29, 0.2,
    '{264.9,-29.1,265.1,-29.1,265.1,-28.9,264.9,-28.9}', 2046, 4094, '{"selection": {}}'
FROM generate_series(1, 2) AS n;
UPDATE galimages SET reference_id = 1, ra = -95 WHERE id = 2;
INSERT INTO galreferences VALUES (1, '{}', '0.0.1', '2025-01-01+00', true, 2, 1);
INSERT INTO galsources
SELECT 1048576 + k, n, 265 + 0.01 * k, -29, 100, 200, 500, 5, 18, 0.02, 1, 1, 1, 0, n = 1
FROM generate_series(0, 1) AS k, generate_series(1, 2) AS n;
INSERT INTO galcoverages VALUES (1, 2, 2, 1);
INSERT INTO galvarobjs VALUES
    (1, 1048576, 265, -29, 'fainter', 0.5, 0.02, 25, 17.5, 500, 5, 0, 2);
INSERT INTO galcheckpoints VALUES
    (1, 35, 'stored', 'info', '', 2, '2025-01-01+00', 'night1', 2);
"""


def migration_files():
    return [path for app in LAYERS for path in sorted((PROJECT / app / "migrations").glob("0*.py"))]


def named_in(path):
    """Dotted names of the project that a migration imports or refers to, or imports by a text."""
    name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
    modules = {one for one in imported_by(name, path) if one.split(".")[0] in LAYERS}
    tree = ast.parse(path.read_text())
    plain = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    # Of a module that is imported whole, what is used of it.
    named = {one for one in modules if one not in plain} | {
        one for one in used if any(one.startswith(f"{module}.") for module in modules & plain)
    }
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    by_text = {text for text in texts if _is_module(text)}
    return {one for one in named | by_text if not _is_migration(one)}


def _is_module(text):
    if not isinstance(text, str) or text.split(".")[0] not in LAYERS or "." not in text:
        return False
    return (PROJECT / (text.replace(".", "/") + ".py")).exists()


def _is_migration(name):
    return ".migrations" in name


@pytest.mark.parametrize("path", migration_files(), ids=lambda p: f"{p.parts[-3]}.{p.stem}")
def test_a_migration_uses_no_living_code_of_the_project(path):
    assert named_in(path) - DEFINITIONS == set()


def test_the_walk_sees_what_a_migration_uses(tmp_path):
    path = PROJECT / "photometry/migrations/0001_initial.py"
    assert named_in(path) == {"exposures.q3c.Q3CIndexExpression", "photometry.models.RealField"}


@contextmanager
def another_database(name, template="template1"):
    """The default connection is to a new database, by default an empty one, which goes afterwards.

    Else it is a copy of a ``template``.
    """
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        with connected_to(name):
            yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}"')


def migrate_to(targets, with_others):
    """Migrate the project's applications so far, and the others to their newest or not at all."""
    executor = MigrationExecutor(connection)
    leaves = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] not in LAYERS]
    executor.migrate([*targets, *(leaves if with_others else ())])


def rows_of(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def undo_migrations():
    """Undo those of the project's applications, and empty what others keep."""
    MigrationExecutor(connection).migrate([(app, None) for app in LAYERS])
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE auth_user, auth_group, django_content_type RESTART IDENTITY CASCADE"
        )


TABLES = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
AND (relname LIKE 'gal%' OR relname LIKE 'auth%') ORDER BY 1
"""


def all_rows():
    """{table: {primary key or all: row}} of the survey's tables and those of people."""
    tables = [row["relname"] for row in rows_of(TABLES)]
    return {table: rows_of(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}


VERSIONS = {
    "the first": (FIRST, FIRST_ROWS),
    "0.1.0": (VERSION, (Path(__file__).parent / "version_0_1_0.sql").read_text()),
}


@pytest.fixture(scope="module", params=VERSIONS)
def upgraded(request, template, django_db_setup, django_db_blocker):
    """The rows of an older version before and after all migrations, in a database of today then.

    ``version`` says which it was. The first begins with nothing, 0.1.0 where all migrations were
    done and undone.
    """
    targets, rows = VERSIONS[request.param]
    is_undone = request.param == "0.1.0"
    name = f"{connection.settings_dict['NAME']}_older"
    begun = template if is_undone else "template1"
    with django_db_blocker.unblock(), another_database(name, begun):
        tables = [connection.introspection.table_names()]
        if is_undone:
            undo_migrations()
            tables.append(connection.introspection.table_names())
        migrate_to(targets, with_others=is_undone)
        with connection.cursor() as cursor:
            cursor.execute(rows)
        before = all_rows()
        call_command("migrate", verbosity=0)
        tables.append(connection.introspection.table_names())
        yield Upgrade(request.param, before, all_rows(), tables)


@dataclass(frozen=True)
class Upgrade:
    """What tables held, {table: rows}."""

    version: str
    before: dict
    after: dict
    tables: list  # names as it begins, where that was undone, and at the end


# Columns whose values migrations are to change: {(table, column): the new value of a row}.
MENDED = {
    ("galexposures", "ra"): lambda row: row["ra"] % 360,
    ("galimages", "ra"): lambda row: row["ra"] % 360,
    ("galimages", "footprint"): lambda row: [
        value % 360 if k % 2 == 0 else value for k, value in enumerate(row["footprint"])
    ],
}


def test_every_table_of_an_older_version_had_something_in_it(upgraded):
    empty = {table for table, rows in upgraded.before.items() if not rows}
    # Permissions are made by what follows the migrations, and a person's own are of those.
    later = {"auth_group_permissions", "auth_permission", "auth_user_user_permissions"}
    assert empty == (later if upgraded.version == "0.1.0" else set())


def test_no_row_and_no_value_of_an_older_version_is_lost(upgraded):
    for table, rows in upgraded.before.items():
        if table == "authtoken_token":  # see the next test
            continue
        after = upgraded.after[table]
        assert len(after) >= len(rows), table
        for old, new in zip(rows, after, strict=False):
            wanted = {
                column: MENDED.get((table, column), lambda row, c=column: row[c])(old)
                for column in old
                if column in new
            }
            found = {column: new[column] for column in wanted}
            np.testing.assert_equal(found, wanted, err_msg=table)


@pytest.mark.parametrize("upgraded", ["0.1.0"], indirect=True)
def test_migrations_can_be_undone_and_done_again(upgraded):
    made, undone, again = upgraded.tables
    assert len(made) > 50 and not any(table.startswith("gal") for table in undone)
    # What is there besides was made by the rows: a partition, and keys that 0.1.0 had.
    of_rows = {table for table in again if table.startswith("galsources_")} | {"authtoken_token"}
    assert set(again) - of_rows == set(made)


def test_options_of_an_older_version_are_those_of_the_sets_that_rows_refer_to(upgraded):
    sets = {row["hash"]: row["options"] for row in upgraded.after["galoptionsets"]}
    n_rows = 0
    for table in ("galimages", "galjobs", "galreferences", "galreferencesets"):
        for old, new in zip(upgraded.before.get(table, []), upgraded.after[table], strict=False):
            assert sets.get(new["option_set_id"]) == old["options"]
            n_rows += 1
    assert n_rows > len(sets) > 0


def test_tokens_of_an_older_version_open_the_api_on_and_their_keys_are_stored_no_more(upgraded):
    before, after = upgraded.before.get("authtoken_token", []), upgraded.after["galtokens"]
    assert not upgraded.after.get("authtoken_token")
    for old, new in zip(before, after, strict=True):
        user, token = TokenAuthentication().authenticate_credentials(old["key"])
        assert (user.pk, token.digest) == (old["user_id"], new["digest"])
        assert new["created"] == old["created"] and token.name and old["key"] not in str(new)


def test_groups_hold_what_the_code_says_and_what_administrators_gave(upgraded, capsys):
    """A version that gives less takes back what the one before gave, and nothing else."""
    readers = Group.objects.get(name="readers")
    own, ours = (Permission.objects.get(codename=c) for c in ("add_galjob", "add_galflag"))
    readers.permissions.add(own, ours)
    GivenPermission.objects.create(group=readers, permission=ours)
    try:
        capsys.readouterr()
        call_command("migrate", verbosity=1)
        told = capsys.readouterr().out
        assert "Group readers has no longer variables.add_galflag" in told
        assert "Group readers keeps, as an administrator gave it, exposures.add_galjob" in told
        assert {own} == set(readers.permissions.filter(pk__in=[own.pk, ours.pk]))
        assert not GivenPermission.objects.filter(permission__in=[own, ours], group=readers)
    finally:
        readers.permissions.remove(own)
    assert_groups_are_complete()


def test_what_migrations_derive_is_right(upgraded):
    """Copies of epochs, stars of candidates, versions of results, classes of votes."""
    wrong = {
        "galsources": "SELECT 1 FROM galsources s JOIN galimages i ON i.id = s.galimage_id"
        " JOIN galexposures e ON e.id = i.exposure_id WHERE s.mjd IS DISTINCT FROM e.mjd",
        "galcoverages": "SELECT 1 FROM galcoverages c JOIN galimages i ON i.id = c.image_id"
        " JOIN galexposures e ON e.id = i.exposure_id WHERE c.mjd IS DISTINCT FROM e.mjd",
        "galreferences": "SELECT 1 FROM galreferences c JOIN galimages i ON i.id = c.image_id"
        " JOIN galexposures e ON e.id = i.exposure_id"
        " WHERE (c.mjd, c.filter, c.identifier) IS DISTINCT FROM (e.mjd, e.filter, e.identifier)",
        "galcandidates": "SELECT 1 FROM galcandidates c WHERE c.star_detections < c.n_detections",
        "galimages": "SELECT 1 FROM galimages WHERE ra < 0 OR ra >= 360"
        " OR (code_version <> '') <> (results_version = 1)",
        "galdecisions": "SELECT 1 FROM galdecisions d LEFT JOIN galclasses k ON k.id = d.choice_id"
        " WHERE d.action = 'vote' AND k.id IS NULL",
    }
    assert {table for table, query in wrong.items() if rows_of(query)} == set()
    (taxonomy,) = rows_of("SELECT version, is_current FROM galtaxonomies")
    assert taxonomy == {"version": 1, "is_current": True}
    assert rows_of("SELECT count(*) FROM galclasses") == [{"count": 25}]
    assert rows_of("SELECT sum(n_chips) > 0 AS there FROM galimagecounts") == [{"there": True}]
    assert OF_IMAGES.differences() == OF_CANDIDATES.differences() == []


def test_searches_of_an_older_version_s_sky_find_what_is_there(upgraded):
    (source,) = rows_of("SELECT ra, dec FROM galsources WHERE is_reference ORDER BY 1, 2 LIMIT 1")
    place = f"{source['ra']}, {source['dec']}"
    assert rows_of(f"SELECT * FROM galsources_cone({place}, 1.0)")


def test_groups_have_all_that_they_may_after_an_upgrade(upgraded):
    assert_groups_are_complete()


def assert_groups_are_complete():
    viewed = {
        f"{app}.{codename}"
        for app, codename in Permission.objects.filter(
            content_type__app_label__in=VIEWED, codename__startswith="view_"
        ).values_list("content_type__app_label", "codename")
    }
    assert len(viewed) > 20
    for name in MAY:
        had = Group.objects.get(name=name).permissions.values_list(
            "content_type__app_label", "codename"
        )
        assert {f"{app}.{codename}" for app, codename in had} == viewed | permissions_of(name), name


@pytest.mark.django_db
def test_groups_are_complete_in_a_database_that_was_migrated_from_nothing():
    assert_groups_are_complete()


@pytest.mark.django_db
def test_a_permission_of_a_later_version_is_given_when_it_is_migrated(settings):
    """As of a model that is new: migrate tells of it, and whoever may view everything views it."""
    Group.objects.get(name="readers").permissions.clear()
    Permission.objects.filter(codename="view_galcandidate").delete()
    call_command("migrate", verbosity=0)
    assert_groups_are_complete()


def test_nothing_is_made_where_nobody_can_log_in():
    """Migrations of one application alone, the first of all."""

    class NoApplication:
        def get_model(self, *_):
            raise LookupError

    assert complete_groups(NoApplication()) is None
