"""How fast the survey is exported, how small it is, and what an exposure more costs."""

import numpy as np
import pyarrow.parquet as pq

from benchmarks.peak_memory import forget_peak, peak_mb
from benchmarks.processor_time import Stopwatch
from benchmarks.release_figures.made_up import add_epoch
from galproject.export.exporting import ExportOptions, export
from photometry.storage.light_curves import light_curves

# Of a measurement, those that the bytes a row are of.
COLUMNS = ("mjd", "mag", "mag_err", "flux", "flux_err", "flags")


def measure_export(figures, folder, catalogues, options: ExportOptions, progress):
    """Export all, and again after an exposure of the first chip; how many rows there are now."""
    forget_peak()
    with Stopwatch() as cost:
        done = export(folder, options, progress)
    figures.store("export_peak_mb", peak_mb())
    figures.store("export_rows_a_second", done.n_measurements / cost.seconds)
    figures.store("export_client_share", cost.client / cost.seconds)
    figures.store("export_rows", done.n_measurements)
    figures.store("pixels", done.n_pixels)
    figures.store("bytes_a_row", curve_bytes(folder / options.name) / done.n_measurements)
    figures.store("file_bytes_a_row", done.n_bytes / done.n_measurements)
    figures.store("equal_share", equal_share(folder / options.name))
    touched = pixels_with(folder / options.name, catalogues[0].id_range)
    add_epoch(catalogues[0])
    with Stopwatch() as cost:
        again = export(folder, options, progress)
    figures.store("increment_share", again.n_written / again.n_pixels)
    figures.store("increment_touched_share", touched / again.n_pixels)
    figures.store("increment_seconds", cost.seconds)
    with Stopwatch() as cost:
        export(folder, options, progress)
    figures.store("nothing_new_seconds", cost.seconds)
    return again.n_measurements


def pixels_with(folder, id_range):
    """The number of files with sources of a range of ids."""
    first, last = id_range
    ids = (
        pq.ParquetFile(path).read(columns=["source_id"])["source_id"].to_numpy()
        for path in folder.glob("dataset/*/*/*.parquet")
    )
    return sum(bool(((one >= first) & (one <= last)).any()) for one in ids)


def curve_bytes(folder):
    """Bytes of the columns of light curves in all files."""
    total = 0
    for path in folder.glob("dataset/*/*/*.parquet"):
        footer = pq.read_metadata(path)
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                nested, _, name = column.path_in_schema.partition(".")
                if nested == "lightcurve" and name.split(".")[0] in COLUMNS:
                    total += column.total_compressed_size
    return total


def equal_share(folder):
    """The share of light curves that are those of the database, bit for bit."""
    paths, n_equal, n = sorted(folder.glob("dataset/*/*/*.parquet")), 0, 0
    for path in paths:
        table = pq.ParquetFile(path).read(columns=["source_id", "lightcurve"])
        ids = table["source_id"].to_numpy()
        curves = table["lightcurve"].combine_chunks()
        lengths = curves.field("mjd").value_lengths().to_numpy()
        order = np.argsort(ids)
        stored = light_curves(ids.tolist(), COLUMNS[1:])
        source = np.repeat(np.arange(len(ids)), lengths)
        place = np.argsort(np.argsort(order)[source], kind="stable")
        same = np.ones(len(source), bool)
        for name in COLUMNS:
            exported = curves.field(name).flatten().to_numpy()[place]
            # By their bytes, as NaN is NaN.
            width = exported.dtype.itemsize
            same &= exported.view(f"u{width}") == stored[name].copy().view(f"u{width}")
        n_equal += int(same.sum())
        n += len(same)
    return n_equal / n
