"""Fixtures that every test may use."""

import gc
import os
import sys
from functools import cached_property
from itertools import groupby
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from slipcover.importer import SlipcoverMetaPathFinder
from xdist.scheduler import LoadScopeScheduling

from tests.builders.emptied_tables import EmptiedTables
from tests.builders.migrated_database import migrated_database

TESTS = Path(__file__).resolve().parent
BROWSER = "tests/browser/"
MADE_OBJECTS = 20_000  # more than there were, from which on garbage is sought


def block_of(nodeid):
    """What a test shares most with its neighbours: its file, and of the pages one site for all."""
    file = nodeid.split("::")[0]
    return BROWSER if file.startswith(BROWSER) else file


class BlockScheduling(LoadScopeScheduling):
    """Hands out tests of a file that follow each other in one piece, in the order of all.

    pytest-django has those that roll back come before those that commit, which empty the tables
    of their process' database: so it has to stay in each process.
    """

    def _split_scope(self, nodeid):
        return self._blocks[nodeid]

    @cached_property
    def _blocks(self):
        blocks = groupby(self.collection, key=block_of)
        return {
            nodeid: f"{file} {number}"
            for number, (file, nodeids) in enumerate(blocks)
            for nodeid in nodeids
        }


def pytest_xdist_make_scheduler(config, log):
    return BlockScheduling(config, log)


def pytest_configure(config):
    """Have lines counted quickly where they are, and modules of tests compiled once a run."""
    for finder in sys.meta_path:
        if isinstance(finder, SlipcoverMetaPathFinder):
            # To look for what holds functions whose lines have all been counted takes a tenth of a
            # second whenever some have run often: longer than to go on counting.
            finder.sci.deinstrument_seen = lambda: None
    of_run = getattr(config, "workerinput", None)
    if of_run and [Path(path).resolve() for path in config.args] == [TESTS]:
        config.args = folders_from(int(of_run["workerid"].removeprefix("gw")))
        config.pluginmanager.register(InOrder())


def folders_from(number):
    """The folders of tests in the order in which one of a run's processes imports them.

    The first time pytest compiles each module: so each process begins with another large folder,
    and finds there by then what others began with.
    """
    folders = sorted(TESTS.glob("*/"), key=lambda folder: len([*folder.rglob("test_*.py")]))
    folders = [str(folder) for folder in folders if any(folder.rglob("test_*.py"))]
    return [folders.pop(-1 - number % len(folders)), *folders]


class InOrder:
    """Puts tests in one order, whichever folder was first."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: item.path)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin what takes longest at once, faults and then pages; both have databases of their own."""
    first = ("test_faults", "browser")
    items.sort(
        key=lambda item: [name not in (item.path.stem, item.path.parent.stem) for name in first]
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Spare the search for garbage the modules and the tests, which stay until the end.

    It took a twentieth of the time that pages are tested in, to find next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(MADE_OBJECTS)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings, django_db_use_migrations, django_db_blocker
):
    """Have the processes of a run copy what one of them migrated, where all would do the same."""
    if django_db_use_migrations:
        with django_db_blocker.unblock():
            connection.settings_dict["TEST"]["TEMPLATE"] = migrated_database()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A database of the tests' own for whoever asks for this, whichever tests are chosen.

    pytest-django makes one only where a chosen test is marked for it. Those that work in copies of
    it are not marked, and would have the survey itself in its place.
    """
    if connection.settings_dict["NAME"].startswith("test_"):
        yield
        return
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def template(django_db_blocker):
    """The name of a database that the migrations have made, to be copied."""
    with django_db_blocker.unblock():
        return connection.settings_dict["TEST"].get("TEMPLATE") or migrated_database()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images; skips where there is none."""
    path = os.environ.get("GALPROJECT_TEST_DATA") or settings.GALPROJECT_TEST_DATA
    if not path or not Path(path).is_dir():
        pytest.skip("no real images: set GALPROJECT_TEST_DATA to their folder")
    return Path(path)


@pytest.fixture(scope="session", autouse=True)
def pictures(tmp_path_factory):
    """Where pictures are kept in tests, and by the processes that they begin."""
    folder = str(tmp_path_factory.mktemp("pictures"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "GALPROJECT_PICTURES", folder)
        patch.setenv("GALPROJECT_PICTURES", folder)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def light_clients():
    """Spare each client the search for static files, and each password a million rounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "WHITENOISE_USE_FINDERS", False)
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def emptied_tables():
    """Let Django empty the tables of a test's database, which a survey's refuses."""
    with pytest.MonkeyPatch.context() as patch:
        EmptiedTables().patch(patch)
        yield
