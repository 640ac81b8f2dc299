"""The format of a file, by what stands in it, and what opens it."""

from contextlib import contextmanager
from pathlib import Path

from exposures.errors import InputFileError
from exposures.published.files.fits_tables import open_fits
from exposures.published.files.line_tables import open_cds, open_lines, pattern_of, readme_of
from exposures.published.files.parquet_tables import open_parquet, parquet_files_in
from exposures.published.files.streams import beginning_of
from exposures.published.files.text_tables import open_text
from exposures.published.files.votable_tables import open_votable

TILES = "chunk-*.fits"
# Of files in a folder that is neither of tiles nor of Parquet.
SUFFIXES = (".fits", ".fit", ".vot", ".xml", ".csv", ".ecsv", ".tsv", ".dat", ".txt")


@contextmanager
def open_table_file(path: Path, patterns=()):
    """An OpenTable of a file in any format; ``patterns`` are those of text without headings.

    Raises InputFileError if it can't be read.
    """
    with _opener(path, patterns) as table:
        yield table


def _opener(path, patterns):
    start = beginning_of(path)
    if not start:
        raise InputFileError(path, "the file is empty", "Get it again")
    if start.startswith(b"SIMPLE"):
        return open_fits(path)
    if start.startswith(b"PAR1"):
        return open_parquet(path)
    if b"<VOTABLE" in start[:4096]:
        return open_votable(path)
    if b"\0" in start[:4096]:
        problem = "neither FITS, VOTable, Parquet, CSV nor text"
        raise InputFileError(path, problem, "Get it in one of these formats")
    if pattern := pattern_of(path, patterns):
        return open_lines(path, pattern)
    if readme := readme_of(path):
        return open_cds(path, readme)
    return open_text(path)


def expanded(paths) -> list[Path]:
    """Files, and those in folders: tiles, a HATS catalogue, or tables in any format.

    Raises InputFileError for what isn't there, and for a folder without tables.
    """
    files = []
    for path in map(Path, paths):
        if path.is_dir():
            files += _in_folder(path)
        elif path.is_file():
            files.append(path)
        else:
            raise InputFileError(path, "there is no such file or folder", "Name one that is there")
    return list(dict.fromkeys(path.resolve() for path in files))


def _in_folder(folder):
    found = sorted(folder.glob(TILES)) or parquet_files_in(folder)
    if not found:
        found = [path for path in sorted(folder.rglob("*")) if _is_table(path)]
    if not found:
        problem = f"no table in it: neither {TILES}, Parquet, nor {', '.join(SUFFIXES)}"
        raise InputFileError(folder, problem, "Name the files")
    return found


def _is_table(path):
    name = path.name.lower().removesuffix(".gz")
    return path.is_file() and name.endswith(SUFFIXES)
