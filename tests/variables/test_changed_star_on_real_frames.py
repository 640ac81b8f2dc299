"""Which star changed, on real frames of the bulge, with light of a star of them put there."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from scipy.ndimage import shift
from scipy.spatial import cKDTree

from exposures.science.astrometry import PixelCorrection
from exposures.science.orientation import Orientation
from galproject.configuration.pipeline_options import PipelineOptions
from variables.pictures.change_positions import StarsOfCatalogue
from variables.pictures.frames import Epoch, frame_of
from variables.pictures.pixels import ChipPixels
from variables.science.changed_star import Doubt, changed_star

REFERENCE, SEARCH = "AKB13475I0100.fits", "AKB13475I0110.fits"
GAIN, SATURATION, MARGIN = 1.9, 60_000, 45  # e-/ADU, ADU, pixels from the edge
HALF = 12  # of the stamp of a star, pixels
AS_IT_IS = Orientation(((1, 0), (0, 1)))


class Turned:
    """A map from the reference's pixels, which stand for the sky, to those of a frame."""

    def __init__(self, epoch):
        angle = np.radians(epoch["rot_deg"])
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.off = np.array([epoch["dx"], epoch["dy"]])

    def to_pixels(self, x, y):
        return self.turn @ (x, y) + self.off[:, None]

    def to_sky(self, x, y):
        return self.turn.T @ (np.array([x, y]) - self.off[:, None])


def pixels_of(folder, epoch):
    """The ChipPixels of a frame as it was taken."""
    with fits.open(folder / "images" / f"{epoch['file']}.gz") as file:
        data = file[0].data.astype("f4")
    weight = np.where(data < SATURATION, GAIN / np.maximum(data, 1), 0).astype("f4")
    as_it_is = PixelCorrection(data.shape, -1)
    return ChipPixels(data, weight, float(epoch["fwhm_px"]), Turned(epoch), as_it_is)


@pytest.fixture(scope="module")
def field(real_data):
    """Pixels of two frames, and the list of stars that came with them, with their distances."""
    folder = real_data / "saao_bulge_microlensing"
    epochs = {row["file"]: row for row in Table.read(folder / "epochs.csv")}
    stars = Table.read(folder / "ref_stars.csv")
    stars = stars[np.isfinite(stars["inst_mag_median"]) & (stars["fraction_of_frames"] > 0.2)]
    sources = np.zeros(
        len(stars),
        [("refsource_id", "i8"), *((name, "f8") for name in ("x", "y", "flux", "flux_err"))],
    )
    sources["refsource_id"], sources["x"], sources["y"] = stars["id"], stars["x0"], stars["y0"]
    sources["flux"] = 10 ** (-0.4 * stars["inst_mag_median"])
    sources["flux_err"] = np.sqrt(sources["flux"] / GAIN + 300.0**2)
    apart = cKDTree(np.column_stack([stars["x0"], stars["y0"]])).query(
        np.column_stack([stars["x0"], stars["y0"]]), 2
    )[0][:, 1]
    own, search = (pixels_of(folder, epochs[name]) for name in (REFERENCE, SEARCH))
    return own, search, sources, apart


def light_of_a_star(search, sources, apart):
    """(2 HALF + 1, ...) the light of a bright star that is alone, in its middle; its sum is 1."""
    alone = np.flatnonzero(apart > 2 * HALF)
    for k in alone[np.argsort(-sources["flux"][alone])]:
        x, y = search.to_pixels(*(np.array([sources[axis][k]]) for axis in "xy"))
        i, j = round(float(x[0])), round(float(y[0]))
        stamp = search.data[j - HALF : j + HALF + 1, i - HALF : i + HALF + 1]
        if stamp.shape == (2 * HALF + 1,) * 2 and 3e4 < stamp.max() < 0.8 * SATURATION:
            break
    stamp = np.maximum(stamp - np.median(np.r_[stamp[0], stamp[-1]]), 0)
    rows, columns = np.indices(stamp.shape) - HALF
    centre = [np.sum(axis * stamp**2) / np.sum(stamp**2) for axis in (rows, columns)]
    return shift(stamp / stamp.sum(), [-one for one in centre], order=3)


def with_light(search, star, x, y, sigma, rng):
    """The frame with a star's light at places (n,), as much as ``sigma`` of both frames' noise."""
    data, weight = search.data.copy(), search.weight.copy()
    for column, row in zip(*search.to_pixels(x, y), strict=True):
        i, j = round(float(column)), round(float(row))
        at = np.s_[j - HALF : j + HALF + 1, i - HALF : i + HALF + 1]
        noise = np.sqrt(2 / np.median(search.weight[at]) / np.sum(star**2))
        light = sigma * noise * shift(star, [row - j, column - i], order=3)
        data[at] += rng.poisson(np.maximum(light, 0) * GAIN) / GAIN
        weight[at] = np.where(weight[at] > 0, GAIN / np.maximum(data[at], 1), 0)
    return replace(search, data=data, weight=weight)


def chosen_apart(sources, apart, fwhm):
    """Indices of stars with a neighbour in the list at 1 to 2 FWHM, far from each other."""
    places = np.column_stack([sources["x"], sources["y"]])
    suitable = (apart > fwhm) & (apart < 2 * fwhm)
    suitable &= (places.min(axis=1) > MARGIN) & (places.max(axis=1) < 511 - MARGIN)
    chosen = []
    for k in np.flatnonzero(suitable):
        if all(np.hypot(*(places[k] - places[j])) > 40 for j in chosen):
            chosen.append(k)
    return np.array(chosen)


def test_the_star_to_which_light_was_added_is_named_though_a_neighbour_is_asked_for(field):
    own, search, sources, apart = field
    rng = np.random.default_rng(5)
    fwhm = max(own.fwhm_pixels, search.fwhm_pixels)
    chosen = chosen_apart(sources, apart, fwhm)
    star = light_of_a_star(search, sources, apart)
    changed = with_light(search, star, sources["x"][chosen], sources["y"][chosen], 40, rng)
    bright = np.argsort(-np.where(apart > 20, sources["flux"], 0))[5:45]
    options = PipelineOptions()
    epoch = Epoch(own, changed, np.array([sources["x"][bright], sources["y"][bright]]), options)
    stars = StarsOfCatalogue(sources)
    tree = cKDTree(np.column_stack([sources["x"], sources["y"]]))
    asked = [tree.query([sources["x"][k], sources["y"][k]], 2)[1][rng.integers(2)] for k in chosen]
    candidates = [
        SimpleNamespace(pk=int(s["refsource_id"]), x=float(s["x"]), y=float(s["y"]))
        for s in sources[asked]
    ]
    frames = [frame_of(own, one, AS_IT_IS) for one in candidates]
    told = []
    for k, one, frame, drawn in zip(chosen, candidates, frames, epoch.drawn(frames), strict=True):
        if drawn.change is not None:
            ids, near = stars.near(one, (frame.x, frame.y), 2.5 * fwhm)
            found = changed_star([drawn.change], near, fwhm, options.changed_star)
            odds = np.append(found.odds, found.odds_of_none)
            likeliest = [*ids, -1][int(odds.argmax())]
            told.append((likeliest == sources["refsource_id"][k], found.doubts))
    is_right = np.array([right for right, _ in told])
    is_trusted = np.array([not doubts & ~Doubt.ONE_EPOCH for _, doubts in told])
    assert len(told) > 0.8 * len(chosen) and is_trusted.sum() >= 20
    assert is_right[is_trusted].mean() >= 0.95
