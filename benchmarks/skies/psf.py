"""The PSF of an epoch by GalSim: Kolmogorov atmosphere x optics, with an aureole round it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .fields import smooth_field
from .options import PIXEL_ARCSEC
from .placing import CORE_HALF, OVERSAMPLING

try:
    import galsim
except ImportError:  # said where a sky is drawn: the rest of the module needs none
    galsim = None

NODES = 5  # PSFs along each side of the chip
N_PARAMETERS = 11  # of a PSF
TABLE_SIDE = 2 * OVERSAMPLING * (CORE_HALF + 1) + 1
WING_HALF = 400  # pixels from a star to where its light ends
AUREOLE_ARCSEC = 4.0  # where it begins to fall as r^-2
SPIKES = 6e-4  # of the light, in the four spikes of the spider
CUT_ADU = 0.05  # of a pixel, where a star's stamp ends
SMALLEST_HALF = 7  # pixels
FULL_WELL_ADU = 45_000.0
WAVELENGTH_NM, DIAMETER_M, OBSCURATION = 780.0, 4.0, 0.33
MISSING = (
    "GalSim is not installed, and real skies are drawn with it: run `make setup-benchmarks`, "
    "or install galsim"
)


def require_galsim():
    """Exit with what to install where GalSim is missing."""
    if galsim is None:
        raise SystemExit(MISSING)


@dataclass(frozen=True)
class EpochPsf:
    """PSFs of unit flux: oversampled cores on a grid over the chip, and one wing for all."""

    cores: np.ndarray  # (NODES, NODES, TABLE_SIDE, TABLE_SIDE) float32, light a pixel
    growth: np.ndarray  # the same: their derivative with the logarithm of the width
    wing: np.ndarray  # (2 WING_HALF + 3, same) float32, a sample a pixel
    profile: np.ndarray  # (WING_HALF + 1,) brightness at each radius in pixels
    fwhm_pixels: float  # seeing, without optics and pixel
    brighter_fatter: float

    def nodes_at(self, x, y, shape):
        """(n, 2) position in the grid of positions on the chip: column, row."""
        last = NODES - 1 - 1e-6
        u = np.clip(x / (shape[1] - 1), 0, 1) * last
        v = np.clip(y / (shape[0] - 1), 0, 1) * last
        return np.column_stack([u, v])

    def swelling(self, flux):
        """(n,) by how much stars are wider than faint ones."""
        peak = flux * self.profile[0]
        return self.brighter_fatter * np.minimum(peak / FULL_WELL_ADU, 1)

    def half_widths(self, flux):
        """(n,) half the side of stars' stamps, pixels."""
        falling = np.minimum.accumulate(self.profile)[::-1]
        beyond = np.searchsorted(falling, CUT_ADU / np.maximum(flux, 1e-9))
        return np.clip(len(falling) - beyond, SMALLEST_HALF, WING_HALF)

    def middle_stamp(self, half=CORE_HALF - 1):
        """(2 half + 1, same) the PSF in the middle of the chip for a star in a pixel's middle."""
        centre, step = TABLE_SIDE // 2, OVERSAMPLING
        rows = slice(centre - half * step, centre + half * step + 1, step)
        return self.cores[NODES // 2, NODES // 2, rows, rows].astype("f8")


def epoch_psf(options, seeing_arcsec, rng):
    """An EpochPsf; all that varies over the chip is drawn from ``rng``."""
    require_galsim()
    nodes = node_parameters(options, seeing_arcsec, rng).reshape(-1, N_PARAMETERS)
    light = options.aureole, options.brighter_fatter
    return _psf_of(tuple(map(tuple, nodes.tolist())), seeing_arcsec, *light)


@lru_cache(4)
def _psf_of(nodes, seeing_arcsec, aureole, brighter_fatter):
    """The EpochPsf of nodes' parameters; nights of one seed have theirs in common."""
    cores = np.array([draw_oversampled(node_profile(*node)) for node in nodes])
    cores = cores.reshape(NODES, NODES, TABLE_SIDE, TABLE_SIDE)
    axis = (np.arange(TABLE_SIDE) - TABLE_SIDE // 2) / OVERSAMPLING
    lit = (1 - aureole - SPIKES * bool(aureole)) * cores
    cores = lit + aureole * _aureole(np.hypot(axis, axis[:, None]))
    wing = _wing(lit[NODES // 2, NODES // 2], aureole)
    return EpochPsf(
        cores.astype("f4"),
        _growth(cores, axis).astype("f4"),
        wing.astype("f4"),
        _radial_profile(cores[NODES // 2, NODES // 2], wing),
        seeing_arcsec / PIXEL_ARCSEC,
        brighter_fatter,
    )


def node_parameters(options, seeing_arcsec, rng):
    """(NODES, NODES, N_PARAMETERS) of PSFs: seeing in arcsec, e1, e2, 8 aberrations in waves."""
    fields = [options.turbulence * smooth_field(options.shape, rng) for _ in range(3)]
    rows = np.linspace(0, options.shape[0] - 1, NODES).astype(int)
    columns = np.linspace(0, options.shape[1] - 1, NODES).astype(int)
    # DECam-like: focus, astigmatism, coma, trefoil and spherical, each a plane over the field.
    terms = options.aberrations * rng.normal(0, 1, (3, 8)) * [[1], [0.35], [0.35]]
    nodes = np.empty((NODES, NODES, N_PARAMETERS))
    for j, row in enumerate(rows):
        v = 2 * j / (NODES - 1) - 1
        for i, column in enumerate(columns):
            u = 2 * i / (NODES - 1) - 1
            size, e1, e2 = (field[row, column] for field in fields)
            nodes[j, i] = seeing_arcsec * (1 + size), e1, e2, *(terms.T @ [1, u, v])
    return nodes


def node_profile(seeing_arcsec, e1, e2, *aberrations):
    """A GalSim profile, the pixel's response included, of a node's parameters."""
    atmosphere = galsim.Kolmogorov(fwhm=seeing_arcsec).shear(e1=e1, e2=e2)
    optics = galsim.OpticalPSF(
        lam=WAVELENGTH_NM,
        diam=DIAMETER_M,
        obscuration=OBSCURATION,
        aberrations=[0, 0, 0, 0, *aberrations],
        oversampling=1.0,
        pad_factor=1.0,
        gsparams=galsim.GSParams(maximum_fft_size=16384),
    )
    return galsim.Convolve(atmosphere, optics, galsim.Pixel(PIXEL_ARCSEC))


def draw_oversampled(profile):
    """(TABLE_SIDE, TABLE_SIDE) light that a pixel collects, at OVERSAMPLING samples a pixel."""
    scale = PIXEL_ARCSEC / OVERSAMPLING
    image = profile.drawImage(nx=TABLE_SIDE, ny=TABLE_SIDE, scale=scale, method="no_pixel")
    return image.array.astype("f8") * OVERSAMPLING**2


def _growth(cores, axis):
    """-(2 + r d/dr) of PSFs: what is added, times s, where their widths grow by s."""
    d_row, d_column = np.gradient(cores, axis, axis, axis=(2, 3))
    return -(2 * cores + axis * d_column + axis[:, None] * d_row)


def _aureole(radius):
    """Light a pixel of an aureole of unit flux: r^-2 from AUREOLE_ARCSEC on, fading at its end."""
    every = np.arange(WING_HALF + 1.0)
    shape = _aureole_shape(every)
    return _aureole_shape(radius) / np.sum(2 * np.pi * every * shape)


def _aureole_shape(radius):
    core = AUREOLE_ARCSEC / PIXEL_ARCSEC
    end = np.clip((WING_HALF - radius) / (0.3 * WING_HALF), 0, 1)
    return end / (core**2 + radius**2)


def _wing(middle, aureole):
    """Atmosphere beyond the core (r^-11/3, as Kolmogorov's), spikes and aureole."""
    axis = np.arange(2 * WING_HALF + 3) - WING_HALF - 1
    radius = np.hypot(axis, axis[:, None])
    edge = np.abs(np.hypot(*np.indices(middle.shape) - TABLE_SIDE // 2) / OVERSAMPLING - CORE_HALF)
    level = middle[edge < 0.5].mean()
    wing = level * (np.maximum(radius, 1) / CORE_HALF) ** (-11 / 3)
    end = np.clip((WING_HALF - radius) / (0.3 * WING_HALF), 0, 1)
    wing = wing * end + aureole * _aureole(radius)
    return wing + SPIKES * bool(aureole) * _spikes(axis) * end


def _spikes(axis):
    """Four arms of unit flux in all, about as wide as the seeing, falling as r^-2."""
    u, v = (axis + axis[:, None]) / np.sqrt(2), (axis - axis[:, None]) / np.sqrt(2)
    arms = sum(
        np.exp(-0.5 * (across / 1.8) ** 2) / (10.0**2 + along**2)
        for across, along in ((u, v), (v, u))
    )
    return arms / arms.sum()


def _radial_profile(core, wing):
    """(WING_HALF + 1,) the brightest of four directions, at each whole radius."""
    middle, outer = TABLE_SIDE // 2, WING_HALF + 1
    inner = np.arange(CORE_HALF)
    near = core[middle, middle + OVERSAMPLING * inner]
    # Half way between the spikes, which are followed as far as the aureole beside them.
    return np.concatenate([near, wing[outer, outer + np.arange(CORE_HALF, WING_HALF + 1)]])
