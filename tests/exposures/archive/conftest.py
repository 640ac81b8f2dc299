"""A small night in an archive on this machine."""

from types import SimpleNamespace

import pytest

from exposures.archive import Archive, ArchiveAccount, Query, RetryPolicy, find
from exposures.simulation import SimulationOptions, simulate_night
from tests.exposures.archive_server import ArchiveServer, reversed_chips, stored_file

NIGHT = SimulationOptions(
    n_epochs=2,
    n_chips=3,
    chip_shape=(80, 100),
    stars_per_chip=4000,
    n_reference_artifacts=0,
    dither_pixels=60.0,
)
# In such chunks files as small as these come piece by piece.
QUICK = RetryPolicy(read_seconds=0.4, page_size=1000, chunk_bytes=1024)
ALL = Query(proposal="2017A-0000")


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    """The folder of three exposures of three chips."""
    folder = tmp_path_factory.mktemp("night")
    simulate_night(folder, NIGHT)
    return folder


@pytest.fixture(scope="session")
def stored(night):
    """Its files as the archive has them, the chips of every weight in the opposite order."""
    return [
        stored_file(path, reversed_chips(path) if "_oow_" in path.name else None)
        for path in sorted(night.glob("c4d_*.fits.fz"))
    ]


@pytest.fixture
def server(stored):
    """The archive that has them."""
    with ArchiveServer() as server:
        for file in stored:
            server.add(file)
        yield server


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The seconds that were waited, or would have been."""
    seconds = []
    monkeypatch.setattr("exposures.archive.retry.time", SimpleNamespace(sleep=seconds.append))
    return seconds


@pytest.fixture(autouse=True)
def no_account(monkeypatch):
    """Whoever runs the tests may have a login, and a proxy."""
    for name in ("URL", "EMAIL", "PASSWORD"):
        monkeypatch.delenv(f"GALPROJECT_ARCHIVE_{name}", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def archive(server):
    return Archive(ArchiveAccount(server.url), QUICK)


@pytest.fixture
def exposures(archive):
    return find(ALL, archive)
