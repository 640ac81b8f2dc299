"""Differences of the images on which candidates changed most, kept beside their cutouts."""

import io

import numpy as np

from exposures.errors import InputFileError
from exposures.fits.boundary import reading
from exposures.fits.plain_files import open_plain
from variables.pictures.paths import change_path, write_whole
from variables.science.change_stamps import ChangeStamp

PIXELS = ("difference", "reference_variance", "search_variance", "kernel", "psf")
NUMBERS = {"is_reference_sharper": "?", "fwhm_pixels": "f8", "sigma": "f8"}
MAX_BYTES = 10_000_000  # far above what any file has


def records_of(stamps: dict[int, ChangeStamp]) -> np.ndarray | None:
    """An array of ChangeStamps by the ids of their images; None of none."""
    if not stamps:
        return None
    one = next(iter(stamps.values()))
    columns = [(name, "f4", getattr(one, name).shape) for name in PIXELS]
    records = np.zeros(len(stamps), [("image_id", "i8"), *NUMBERS.items(), *columns])
    for record, (image_id, stamp) in zip(records, stamps.items(), strict=True):
        record["image_id"] = image_id
        for name in (*NUMBERS, *PIXELS):
            record[name] = getattr(stamp, name)
    return records


def stamps_of(records: np.ndarray | None) -> dict[int, ChangeStamp]:
    """The inverse: ChangeStamps by the ids of their images."""
    if records is None:
        return {}
    return {
        int(record["image_id"]): ChangeStamp(
            **{name: record[name] for name in PIXELS},
            **{name: record[name].item() for name in NUMBERS},
        )
        for record in records
    }


def read_changes(refsource_id: int) -> dict[int, ChangeStamp]:
    """A candidate's ChangeStamps by image; none where its file is missing or damaged."""
    path = change_path(refsource_id)
    try:
        with reading(path), open_plain(path) as file:
            return stamps_of(np.load(io.BytesIO(file.read(MAX_BYTES)), allow_pickle=False))
    except InputFileError:
        return {}


def write_changes(refsource_id: int, stamps: dict[int, ChangeStamp]) -> dict[int, ChangeStamp]:
    """Write a candidate's ChangeStamps, and give them as they are read again.

    Where there are none, the file is removed.
    """
    records = records_of(stamps)
    if records is None:
        change_path(refsource_id).unlink(missing_ok=True)
        return {}
    out = io.BytesIO()
    np.save(out, records, allow_pickle=False)
    write_whole(change_path(refsource_id), out.getvalue())
    return stamps_of(records)
