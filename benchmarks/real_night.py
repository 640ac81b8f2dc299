"""A real night of one field: the transit of HAT-P-32 b, the noise floor, and what "varied".

Give it the folder of the 142 MicroObservatory frames. Processes them by the commands of a user
in a database of its own, and ends with one JSON line. --every N takes every Nth frame, --quick
every tenth, in less than 50 s. --stack N has a stack of N of them for the reference: hot pixels
stay where they are while the stars drift, so that a stack has none.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from aperture_curves import agreement, aperture_magnitudes
from astropy.stats import mad_std
from scratch import manage, scratch_database

from photometry.models import GalReference, GalSource
from photometry.science.scatter import MEDIAN_ERROR
from variables.light_curves.light_curves import light_curves_at, plot_light_curves
from variables.models import GalVariability, GalVarObj

HAT_P_32 = (31.0428, 46.6878)  # ICRS degrees
# Others that vary, found by their statistics, ICRS degrees: four that eclipse in part of the night,
# and two with several cycles of 1.7 and 4.5 hours. Apertures on raw frames have them, too.
VARIABLES = (
    (31.1198, 46.7834),
    (31.0473, 46.5539),
    (30.7149, 46.8025),
    (31.3605, 46.5588),
    (31.4564, 47.0112),
    (30.2222, 47.0817),
)
TRANSIT_HOURS = (2.1, 4.5)  # after the first frame, without ingress and egress
REFERENCE = "HATP-32171220064812.fits.fz"  # after the transit, in the middle of the drift
N_COMPARISON, N_CONSTANT = 130, 40  # the brightest and the faintest of those that are constant
GAIN = 40  # e-/ADU, by the night's own noise against its level


def process(url, folder, workers, chosen=slice(None), stack=0, manage=manage):
    """The reference, or a stack of some frames, then the chosen frames; seconds of the second.

    ``manage`` is how commands are run: in processes of their own, or here.
    """
    common = ("--gain", GAIN, "--catalogue", folder / "tycho2_ref.fits")
    workers = ("--workers", workers)
    frames = sorted(folder.glob("HATP*.fits.fz"))
    with tempfile.TemporaryDirectory() as stacks:
        reference = folder / REFERENCE
        if stack:
            inputs = [reference, *to_stack(frames, stack - 1)]
            manage(url, "stack_reference", *inputs, "--to", stacks, *common)
            (reference,) = Path(stacks).glob("*_ooi_*")
        manage(url, "process_exposure", reference, "--reference", *common, *workers)
        frames = frames[chosen]
        # Without cutouts: hundreds of hot pixels change, on 142 frames each.
        # On some frames the telescope jumped: their PSF is beyond the limits of quality.
        how = (*common, *workers, "--no-pictures")
        searched = manage(url, "process_exposure", *frames, *how, check=False)
        return searched.seconds


def to_stack(frames, n):
    """Every fourth frame before the reference, which drifted by more than a pixel each."""
    last = [path.name for path in frames].index(REFERENCE)
    return frames[last - 4 * n : last : 4]


def transit(path):
    """Depth in mag and its error, from medians in and out of transit; the plot to ``path``."""
    curve = light_curves_at(*HAT_P_32, 10)[0]
    plot_light_curves([curve], path)
    hours = 24 * (curve.mjd - curve.mjd.min())
    inside = (hours > TRANSIT_HOURS[0]) & (hours < TRANSIT_HOURS[1])
    outside = (hours < 1.7) | (hours > 4.9)
    scatter = [mad_std(m) for m in split(curve.mag, inside, outside)]
    depth = np.median(curve.mag[inside]) - np.median(curve.mag[outside])
    error = np.hypot(
        *(
            MEDIAN_ERROR * s / np.sqrt(n)
            for s, n in zip(scatter, (inside.sum(), outside.sum()), strict=True)
        )
    )
    return float(depth), float(error)


def stars_that_vary():
    """Ids of the sources of HAT-P-32 and of the other VARIABLES."""
    return [light_curves_at(*place, 10)[0].refsource_id for place in (HAT_P_32, *VARIABLES)]


def constant_stars():
    """Ids of sources like those that vary, bright first, on most images and probably constant."""
    stars = GalVariability.objects.filter(
        false_alarm__gt=0.05, flags=0, robust_mag__range=(11.2, 16.2)
    )
    most = 0.9 * max(stars.values_list("n_epochs", flat=True), default=0)
    stars = stars.filter(n_epochs__gte=most).order_by("robust_mag")
    return list(stars.values_list("refsource_id", flat=True))


def in_apertures(folder, table, varying):
    """How stars agree with apertures on other frames: the least of some, the most of constant ones.

    ``table`` has all measurements, as of ``read_measurements``; ``varying`` are ids of sources.
    """
    constant = constant_stars()
    ids = [*varying, *constant]
    places = GalSource.objects.filter(is_reference=True, refsource_id__in=ids)
    places = {row[0]: row[1:] for row in places.values_list("refsource_id", "ra", "dec")}
    ra, dec = np.array([places[source] for source in ids]).T
    frames, first = np.unique(table["frame"], return_index=True)
    paths = [folder / f"{frame}.fits.fz" for frame in frames]
    is_comparison = np.isin(ids, constant[:N_COMPARISON])
    apertures = aperture_magnitudes(paths, ra, dec, is_comparison)
    found = []
    for source, mag in zip(ids, apertures, strict=True):
        own = table[table["refsource_id"] == source]
        stored = np.full(len(frames), np.nan)
        stored[np.searchsorted(frames, own["frame"])] = own["mag"]
        found.append(agreement(np.array(table["mjd"][first]), stored, mag))
    least, most = min(found[: len(varying)]), max(found[len(varying) :][-N_CONSTANT:])
    return {"in_apertures": round(least, 2), "constant_in_apertures": round(most, 2)}


def split(values, *masks):
    return [values[mask] for mask in masks]


def noise_floor(n_stars=20):
    """Median scatter (MAD-based, mag) of the brightest unsaturated stars on most frames."""
    first, last = GalReference.objects.get(active=True).id_range
    rows = GalSource.objects.filter(refsource_id__range=(first, last), is_reference=False)
    table = np.array(list(rows.values_list("refsource_id", "mag", "flags", "quality")), float)
    identifiers, index = np.unique(table[:, 0], return_inverse=True)
    clean = (table[:, 2] == 0) & (table[:, 3] > 0.95)
    counts = np.bincount(index, clean, minlength=len(identifiers))
    scatter, brightness = [], []
    for source in np.flatnonzero(counts > 0.9 * counts.max()):
        mag = table[(index == source) & clean, 1]
        brightness.append(np.median(mag))
        scatter.append(mad_std(mag))
    brightest = np.argsort(brightness)[:n_stars]
    return float(np.median(np.array(scatter)[brightest]))


def accepted_changes():
    """A line for each change that passes all cuts: when, where, how much."""
    changes = GalVarObj.objects.accepted().select_related("image__exposure")
    for change in changes.order_by("refsource_id", "image__exposure__mjd"):
        x, y = pixel_position(change)
        yield (
            f"  {change.image.exposure.identifier}  source {change.refsource_id}  "
            f"{change.ra:.5f} {change.dec:+.5f}  x {x:.1f} y {y:.1f}  {change.kind}  "
            f"{change.significance:.0f} sigma  mag {change.reference_mag:.2f}"
        )


def pixel_position(change):
    """Pixels on the search image; NaN where the source vanished."""
    rows = GalSource.objects.measured_on(change.image).filter(refsource_id=change.refsource_id)
    return rows.values_list("x", "y").first() or (np.nan, np.nan)


def explanations():
    """How many galvarobjs each cut explains, and how many none does."""
    counts = Counter()
    for change in GalVarObj.objects.all():
        counts.update([cut.name.lower() for cut in change.cuts()] or ["accepted"])
    return dict(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, metavar="N")
    parser.add_argument("--quick", action="store_true", help="every tenth frame")
    parser.add_argument("--stack", type=int, default=0, metavar="N")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--plot", type=Path, default=Path("hat-p-32.png"))
    arguments = parser.parse_args()
    arguments.every = arguments.every or (10 if arguments.quick else 1)
    with scratch_database("real_night") as url:
        seconds = process(
            url,
            arguments.folder,
            arguments.workers,
            slice(None, None, arguments.every),
            arguments.stack,
        )
        depth, error = transit(arguments.plot)
        figures = {
            "transit_mag": round(depth, 4),
            "transit_error_mag": round(error, 4),
            "noise_floor_mag": round(noise_floor(), 4),
            "seconds": round(seconds, 1),
            "galvarobjs": GalVarObj.objects.count(),
            "accepted": GalVarObj.objects.accepted().count(),
            "explained_by": explanations(),
        }
        accepted = list(accepted_changes())
    for name, value in figures.items():
        print(f"{name:20} {value}")
    print("changes that pass all cuts:", *accepted, sep="\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
