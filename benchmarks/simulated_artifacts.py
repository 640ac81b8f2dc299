"""Errors of photometry that look like changes: what spoils the measurements of some stars.

Each function spoils the measurements of the stars that it chooses, in place, and gives their rows.
Sizes are those that real fields showed (docs/results.md): haloes 8 to 21 pixels from stars that are
3 to 6 mag brighter, pairs that trade flux with the seeing, defects at one place of the detector.
"""

from dataclasses import dataclass

import numpy as np

from variables.science.selection import CUTS

BIT = {name: 1 << bit for bit, name in enumerate(CUTS)}
BAD, SATURATED, BLEED, COSMIC, STREAK, SHARP, WINGS = 1, 4, 8, 16, 64, 128, 256


@dataclass(frozen=True)
class Errors:
    """Measurements of a chip that can be spoilt; arrays (n_stars, n_epochs) but for the first."""

    rng: np.random.Generator
    x: np.ndarray  # (n_stars,) pixels
    y: np.ndarray  # (n_stars,)
    fracflux: np.ndarray  # (n_stars,)
    seeing: np.ndarray  # (n_epochs,) over its median
    reference: int  # the column of the reference image
    flux: np.ndarray  # of each star, in units of its own
    error: np.ndarray  # in the same unit
    rchi2: np.ndarray
    quality: np.ndarray
    flags: np.ndarray
    cuts: np.ndarray

    @property
    def n_epochs(self):
        return self.flux.shape[1]

    def some_epochs(self, least, most):
        """Some columns, without the reference's."""
        others = np.delete(np.arange(self.n_epochs), self.reference)
        number = min(self.rng.integers(least, most + 1), len(others))
        return self.rng.choice(others, number, replace=False)

    def size(self, n=None):
        """Changes in units of the star's flux, of 0.1 to 1.5 mag."""
        return 10 ** self.rng.uniform(-1, 0.5, n)

    def worse(self, row, epochs, factor, share, cut):
        """Raise rchi2 of half of the stars, and let a share of these measurements fail a cut."""
        if self.rng.random() < 0.5:
            return
        self.rchi2[row, epochs] *= factor
        failing = epochs[self.rng.random(len(epochs)) < share]
        self.cuts[row, failing] |= BIT[cut]


def hamper(e, row):
    """What real variables suffer in a crowd, too: neighbours, bad pixels, a PSF that is off."""
    if e.rng.random() < 0.4:
        e.fracflux[row] = e.rng.uniform(0.1, 0.9)
        e.worse(row, np.arange(e.n_epochs), e.rng.lognormal(0.4, 0.4), 0.15, "blended")
        e.flux[row] += 0.1 * e.rng.normal() * (e.seeing - 1)
    if e.rng.random() < 0.3:
        epochs = e.some_epochs(1, max(e.n_epochs // 4, 2))
        e.quality[row, epochs] = e.rng.uniform(0.6, 1, len(epochs))
        e.flags[row, epochs] |= e.rng.choice([BAD, COSMIC, WINGS, SHARP])
        e.worse(row, epochs, e.rng.lognormal(0.7, 0.5), 0.4, "masked")
    if e.rng.random() < 0.05:
        e.flux[row, e.some_epochs(1, 2)] += e.size()


def halo(e, row):
    e.flux[row] += e.size() * (e.seeing - 1) * 4 + 0.05 * e.rng.normal(size=e.n_epochs)
    e.fracflux[row] = e.rng.uniform(0.1, 0.9)
    epochs = np.arange(e.n_epochs)
    e.flags[row] |= WINGS if e.rng.random() < 0.4 else 0
    e.worse(row, epochs, e.rng.lognormal(0.6, 0.3), 0.3, "near_saturated")


def dipole(e, row):
    """Light at the wrong place where the registration is off: flux of one sign or the other."""
    epochs = e.some_epochs(1, max(e.n_epochs // 8, 2))
    e.flux[row, epochs] += e.size(len(epochs)) * e.rng.choice([-0.8, 1], len(epochs))
    e.worse(row, epochs, e.rng.lognormal(1.2, 0.4), 0.4, "search_rchi2")


def bad_column(e, row):
    """A defect at one of few places of the detector."""
    e.x[row] = e.rng.choice([300.0, 1011.0, 1650.0]) + e.rng.normal(0, 0.7)
    epochs = e.some_epochs(2, max(e.n_epochs // 3, 3))
    e.flux[row, epochs] += e.size(len(epochs)) * e.rng.choice([-0.5, 1])
    if e.rng.random() < 0.5:
        e.quality[row, epochs] = e.rng.uniform(0.6, 0.95, len(epochs))
    e.flags[row, epochs[e.rng.random(len(epochs)) < 0.4]] |= BAD
    e.worse(row, epochs, e.rng.lognormal(0.8, 0.4), 0.3, "masked")


def edge(e, row):
    side = e.rng.uniform(0, 14)
    e.x[row] = side if e.rng.random() < 0.5 else 2047 - side
    e.flux[row] *= 1 + 0.25 * e.rng.normal(size=e.n_epochs)
    epochs = e.some_epochs(1, max(e.n_epochs // 3, 2))
    e.flux[row, epochs] += e.size(len(epochs)) * e.rng.choice([-0.7, 1], len(epochs))
    e.quality[row, epochs] = e.rng.uniform(0.5, 1, len(epochs))
    e.worse(row, epochs, e.rng.lognormal(0.3, 0.3), 0.4, "edge")


def cosmic_ray(e, row):
    epochs = e.some_epochs(1, 1)
    e.flux[row, epochs] += e.size() * 1.5
    if e.rng.random() < 0.6:
        e.flags[row, epochs] |= COSMIC if e.rng.random() < 0.5 else SHARP
    e.worse(row, epochs, e.rng.lognormal(1.0, 0.6), 0.3, "sharp")


def seeing_blend(e, row):
    """What it has more in bad seeing a close neighbour has less."""
    e.flux[row] += e.rng.choice([-1, 1]) * e.size() * 2.5 * (e.seeing - 1)
    e.fracflux[row] = e.rng.uniform(0.15, 0.8)
    e.worse(row, np.arange(e.n_epochs), e.rng.lognormal(0.2, 0.2), 0.3, "traded")


def crowding(e, row):
    """In a crowd too dense for its list, whose light comes and goes at random."""
    e.fracflux[row] = e.rng.uniform(0.05, 0.6)
    e.flux[row] *= np.maximum(1 + e.rng.uniform(0.1, 0.4) * e.rng.normal(size=e.n_epochs), 0.05)
    e.worse(row, np.arange(e.n_epochs), e.rng.lognormal(0.4, 0.3), 0.3, "blended")


def reference_fault(e, row):
    """Too bright or too faint on the reference alone."""
    e.flux[row, e.reference] += e.size() * (1 if e.rng.random() < 0.7 else -0.25)
    e.rchi2[row, e.reference] *= e.rng.lognormal(0.7, 0.5)


def saturated(e, row):
    epochs = np.arange(e.n_epochs)
    e.flux[row] += e.size() * e.rng.normal(size=e.n_epochs)
    e.flags[row] |= (SATURATED if e.rng.random() < 0.5 else BLEED) if e.rng.random() < 0.5 else 0
    e.fracflux[row] = e.rng.uniform(0.05, 0.8)
    e.worse(row, epochs, e.rng.lognormal(1.2, 0.5), 0.5, "near_saturated")


ARTIFACTS = {
    one.__name__: one
    for one in (
        *(halo, dipole, bad_column, edge, cosmic_ray, seeing_blend, crowding, reference_fault),
        saturated,
    )
}


def trail(e, rows, epoch):
    """A satellite's trail over all of these stars on one image."""
    angle, x0, y0 = e.rng.uniform(0, np.pi), e.rng.uniform(500, 1500), e.rng.uniform(1000, 3000)
    along = e.rng.uniform(-900, 900, len(rows))
    e.x[rows] = np.clip(x0 + along * np.cos(angle), 1, 2046)
    e.y[rows] = np.clip(y0 + along * np.sin(angle), 1, 4094)
    e.flux[rows, epoch] += e.size(len(rows))
    seen = rows[e.rng.random(len(rows)) < 0.5]
    e.flags[seen, epoch] |= STREAK
    e.rchi2[rows, epoch] *= e.rng.lognormal(0.8, 0.5, len(rows))


def bad_image(e, rows, epoch):
    """An image whose PSF or zero point is off here, so that many stars change on it."""
    e.flux[rows, epoch] *= 1 + e.rng.uniform(0.15, 0.6) * e.rng.choice([-1, 1])
    e.rchi2[rows, epoch] *= e.rng.lognormal(0.5, 0.4, len(rows))
