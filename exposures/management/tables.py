"""Tables that commands write."""

import csv

from exposures.errors import GalprojectError


def write_csv(rows, path, stdout):
    """Write rows as CSV to the file at ``path``, or to ``stdout`` where it is "-"."""
    if path == "-":
        csv.writer(stdout, lineterminator="\n").writerows(rows)
        return
    try:
        with open(path, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    except OSError as error:
        raise GalprojectError(f"{path} can't be written: {error.strerror}") from error
