"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from django.conf import settings


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep tests of a file and a kind in one process, and begin what takes longest at once.

    By kind, as those that commit empty the tables of their process' database: in each they come
    after those that roll back, as pytest-django has it.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{_use_of_database(item)}"))
    result = yield
    items.sort(key=lambda item: item.path.stem != "test_faults")
    return result


def _use_of_database(item):
    marker = item.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction")
    if commits or {"transactional_db", "live_server"} & set(item.fixturenames):
        return "commits"
    return "none" if marker is None else "rolls-back"


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
