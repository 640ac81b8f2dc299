"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from django.conf import settings


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
