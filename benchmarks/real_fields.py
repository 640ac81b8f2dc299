"""Real series of two fields: scatter, honesty of the errors, and what is believed to vary.

Processes by the commands of a user, each in a database of its own, 173 frames of the Galactic
bulge (SAAO 1.0 m, with a microlensing event) and the night of HAT-P-32 (see real_night.py), from
the folders saao_bulge_microlensing and hatp32_microobs of the setting for test data, or of the
folder that is given. Tells by magnitude and by crowding (fracflux) the scatter of the stars over
the frames, the saved error, and two pulls: "pull" of each star against its own median, the error
of the search images alone; "(ref)" against the reference over the hypot of both errors, which is
what selects changes. Lists sources that changed three times or more, and ends with one JSON line.
Keys with ``varying`` and ``known`` are of the statistics over all epochs: how many stars vary, how
many of these follow the seeing, and the rank of the event and of the star with the transit, among
all, among those that are clean, and among these without others that vary. ``in_apertures`` says of
the transit and of these the least correlation with apertures on other raw frames, and the largest
of forty constant stars.
Its pull_min and pull_max are of the pulls against the reference, own_pull_min and own_pull_max
of the others, over all bins of 200 measurements of the bulge.
--every N takes every Nth frame, --quick every 24th or 48th; --first M begins with frame M, counted
from 0, for other frames of the same fields. --table PATH (.csv or .npz) keeps every
measurement.
"""

import argparse
import io
import json
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
import real_night
from astropy.io import fits
from astropy.table import Table, vstack
from astropy.time import Time
from astropy.wcs import WCS
from django.conf import settings
from machine_code import load_machine_code
from real_series import (
    Curves,
    bin_lines,
    read_measurements,
    reference_stars,
    repeated_changes,
)
from real_variability import variability_figures
from scratch import manage, manage_here, scratch_database

# Before processes are forked, which need it.
import galproject.processing.pipeline  # noqa: F401
from exposures.models import GalImage, Status
from variables.models import GalVarObj

BULGE, HAT_P_32 = "saao_bulge_microlensing", "hatp32_microobs"
REFERENCE = "AKB13475I0100.fits"
CENTRE = (273.8708, -25.285)  # ICRS degrees, of the reference
SCALE_DEGREES = 0.31 / 3600  # of a pixel
SATURATION = 60_000  # ADU
EVENT, EVENT_PIXELS = (288.1, 214.9), 3.0  # place on the reference, and radius
# A star that varies by 0.14 mag in apertures on the raw frames, too (rank correlation 0.95).
VARIABLE = 183.8, 186.5
MIN_FRAMES = 20  # of which apertures are compared
QUICK = {BULGE: 24, HAT_P_32: 48}  # every Nth frame


def write_frames(folder, to, chosen):
    """Copies with a WCS, the reference and those of a slice; returns their paths."""
    epochs = Table.read(folder / "epochs.csv")
    kept = np.array(epochs["file"] == REFERENCE)
    kept[chosen] = True
    return [write_frame(folder / "images" / f"{e['file']}.gz", e, to) for e in epochs[kept]]


def write_frame(path, epoch, to):
    """A copy of a frame with the header that a plain image needs.

    Its time is the middle of the exposure, heliocentric, as the event's is published.
    """
    with fits.open(path) as file:
        data, header = file[0].data, file[0].header
    made = wcs_of(epoch, data.shape).to_header()
    made["DATE-AVG"] = Time(header["PHJDMID"], format="jd").isot
    made["FILTER"] = "i"
    made["SATURATE"] = SATURATION
    for name in ("OBJECT", "TELESCOP", "EXPTIME", "GAIN", "RDNOISE"):
        made[name] = header[name]
    copy = to / epoch["file"]
    fits.writeto(copy, data, made)
    return copy


def wcs_of(epoch, shape):
    """The WCS that puts the stars of a frame where those of the reference are.

    A star at x0, y0 on the reference lies at R (x0, y0) + (dx, dy), pixels from 0.
    """
    angle = np.radians(epoch["rot_deg"])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(shape[::-1]) - 1) / 2
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = CENTRE
    wcs.wcs.crpix = rotation @ middle + (epoch["dx"], epoch["dy"]) + 1
    wcs.wcs.cd = SCALE_DEGREES * np.diag([-1, 1]) @ rotation.T
    return wcs


def process_bulge(url, folder, workers, chosen, manage):
    """The reference, then the frames; the number of search frames, and seconds of these.

    ``manage`` is how commands are run: in processes of their own, or here.

    Frames that the limits of quality refuse are left out, and told of.
    """
    with tempfile.TemporaryDirectory() as copies:
        frames = write_frames(folder, Path(copies), chosen)
        manage(url, "process_exposure", Path(copies) / REFERENCE, "--reference")
        common = ("--workers", workers, "--no-pictures")
        searched = manage(url, "process_exposure", *frames, *common, check=False)
    return len(frames) - 1, searched.seconds


def chosen_frames(arguments, series):
    """The slice of the frames of a series by its name."""
    return slice(arguments.first, None, arguments.every or arguments.strides[series])


def sources_at(place):
    """Ids of the sources at a place on the reference, x and y in pixels."""
    stars = reference_stars()
    near = np.hypot(stars["x"] - place[0], stars["y"] - place[1]) < EVENT_PIXELS
    return stars["refsource_id"][near].tolist()


def bulge(folder, arguments):
    """Figures of the bulge, and its measurements."""
    with scratch_database("real_bulge") as url:
        n_frames, seconds = process_bulge(
            url,
            folder,
            arguments.workers,
            chosen_frames(arguments, BULGE),
            arguments.manage,
        )
        table = read_measurements()
        event, variable = sources_at(EVENT), sources_at(VARIABLE)
        changed = GalVarObj.objects.accepted().filter(refsource_id__in=event)
        figures = {
            **report("the bulge", table, variables=[*event, *variable]),
            "event_detections": changed.values("image").distinct().count(),
            "event_frames": n_frames,
            **{f"event_{name}": value for name, value in variability_figures(event).items()},
            "seconds": round(seconds, 1),
        }
    return figures, table


def transit(folder, arguments):
    """Figures of the night of HAT-P-32, whose names begin so, and its measurements."""
    with scratch_database("real_transit") as url, tempfile.TemporaryDirectory() as plots:
        chosen = chosen_frames(arguments, HAT_P_32)
        manage = arguments.manage
        seconds = real_night.process(url, folder, arguments.workers, chosen, manage=manage)
        depth, error = real_night.transit(Path(plots) / "transit.png")
        table = read_measurements()
        star, *others = real_night.stars_that_vary()
        figures = report("HAT-P-32", table)
        found = variability_figures([star], others)
        figures |= {f"transit_{name}": value for name, value in found.items()}
        if len(np.unique(table["frame"])) >= MIN_FRAMES:
            figures |= real_night.in_apertures(folder, table, [star, *others])
        figures["seconds"] = round(seconds, 1)
    figures = {f"hatp32_{name}": value for name, value in figures.items()}
    return {"transit_mag": round(depth, 4), "transit_error_mag": round(error, 4), **figures}, table


def measure(name, folder, arguments):
    """The figures of a series by its name, its measurements, and what it printed."""
    series = {BULGE: bulge, HAT_P_32: transit}[name]
    with redirect_stdout(io.StringIO()) as printed:
        figures, table = series(folder / name, arguments)
    return figures, table, printed.getvalue()


def measure_all(folder, arguments):
    """What ``measure`` gives of each series: quickly both at once, one process each."""
    measure_one = partial(measure, folder=folder, arguments=arguments)
    if not arguments.quick:
        yield from map(measure_one, QUICK)
        return
    load_machine_code()
    with ProcessPoolExecutor(len(QUICK), multiprocessing.get_context("fork")) as pool:
        yield from pool.map(measure_one, QUICK)


def report(title, table, variables=()):
    """Print scatter and pulls, and what changed again and again but for the known variables."""
    failed = GalImage.objects.filter(status=Status.FAILED).order_by("exposure__mjd")
    for image in failed.select_related("exposure"):
        print(f"{image.exposure.identifier} failed: {image.error}")
    curves = Curves.of(table)
    print(f"{title}: {len(table)} measurements on {len(np.unique(table['frame']))} frames;")
    print(f"{curves.n_frames.sum()} good ones of {len(curves.mag)} stars in mmag and sigma:")
    print(*bin_lines("magnitude", curves.by_magnitude()), sep="\n")
    print(*bin_lines("fracflux", curves.by_crowding()), sep="\n")
    repeated = repeated_changes(table)
    false = [change for change in repeated if change.refsource_id not in variables]
    print(f"{title}: three or more accepted changes, {len(false)} but for known variables:")
    for change in repeated:
        print(change.line())
    return {**curves.figures(), "repeated_false": len(false), "failed_frames": failed.count()}


def keep(path, tables):
    """Write the measurements of both series, with ``field``, as CSV or as arrays of numpy."""
    for name, table in tables.items():
        table["field"] = name
    table = vstack(list(tables.values()))
    if path.suffix == ".csv":
        table.write(path, overwrite=True)
    else:
        np.savez_compressed(path, **{name: np.array(table[name]) for name in table.colnames})


def folder_of_images(parser, folder):
    """The folder with both series; exits with one line where one of them is missing."""
    if not (folder or settings.GALPROJECT_TEST_DATA):
        parser.error("no real images: name their folder, or set GALPROJECT_TEST_DATA")
    folder = folder or Path(settings.GALPROJECT_TEST_DATA)
    missing = [name for name in (BULGE, HAT_P_32) if not (folder / name).is_dir()]
    if missing:
        parser.error(f"no real images: {folder} has no folder {' nor '.join(missing)}")
    return folder


def table_path(text):
    path = Path(text)
    if path.suffix not in (".csv", ".npz"):
        raise argparse.ArgumentTypeError("a name that ends with .csv or .npz is wanted")
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="default: GALPROJECT_TEST_DATA")
    parser.add_argument("--every", type=int, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="M", help="default: 0")
    parser.add_argument("--quick", action="store_true", help="few frames, under 50 s")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", type=table_path, metavar="PATH")
    arguments = parser.parse_args()
    folder = folder_of_images(parser, arguments.folder)
    arguments.strides = QUICK if arguments.quick else dict.fromkeys(QUICK, 1)
    arguments.manage = manage_here if arguments.quick else manage
    if arguments.quick:
        arguments.workers = 1
    figures, tables = {}, {}
    for name, measured in zip(QUICK, measure_all(folder, arguments), strict=True):
        found, tables[name], printed = measured
        print(printed, end="", flush=True)
        figures |= found
    if arguments.table:
        keep(arguments.table, tables)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
