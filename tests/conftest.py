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
