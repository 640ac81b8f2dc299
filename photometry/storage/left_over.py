"""Storage of what references' own fits left over, packed into one value a catalogue."""

import zlib
from io import BytesIO

import numpy as np

from exposures.models import GalImage
from photometry.models import GalLeftOver, GalReference
from photometry.science.reference_residual import ReferenceResidual
from photometry.storage.columns import STAR_COLUMNS, source_dtype
from photometry.storage.psf_parts import parts_of_psf, psf_of_parts

LEFT_OVER_DTYPE = source_dtype(("ra", "dec", *STAR_COLUMNS))
FASTEST = 1  # of zlib's levels


def store_left_over(
    catalogue: GalReference, rows: np.ndarray, residual: ReferenceResidual | None = None
) -> None:
    """Store what was left over of a new catalogue's reference, LEFT_OVER_DTYPE (n,).

    Its ``residual``, too, where that is known.
    """
    # Bytes of one significance together, which are alike.
    octets = rows.astype(LEFT_OVER_DTYPE).view("u1").reshape(len(rows), LEFT_OVER_DTYPE.itemsize)
    GalLeftOver.objects.create(
        catalogue=catalogue,
        n=len(rows),
        stars=zlib.compress(octets.T.tobytes(), FASTEST),
        residual=None if residual is None else packed_residual(residual),
    )


def packed_residual(residual: ReferenceResidual) -> bytes:
    """A ReferenceResidual as one value, of some 3.5 MB for a chip."""
    file = BytesIO()
    np.savez(
        file,
        levels=residual.levels,
        noise_levels=residual.noise_levels,
        least_noise=residual.least_noise,
        zero_point=residual.zero_point,
        fit_fwhm=residual.fit_fwhm,
        **parts_of_psf(residual.psf),
    )
    # Noise has no strings that come again: to look for them makes it larger by a quarter.
    press = zlib.compressobj(FASTEST, strategy=zlib.Z_RLE)
    return press.compress(file.getvalue()) + press.flush()


def residual_of(catalogue: GalReference) -> ReferenceResidual | None:
    """The ReferenceResidual of a catalogue; None where it is not known."""
    known = GalLeftOver.objects.filter(catalogue=catalogue, residual__isnull=False)
    value = known.values_list("residual", flat=True).first()
    if value is None:
        return None
    with np.load(BytesIO(zlib.decompress(bytes(value)))) as parts:
        return ReferenceResidual(
            levels=parts["levels"],
            noise_levels=parts["noise_levels"],
            least_noise=float(parts["least_noise"]),
            psf=psf_of_parts(parts),
            zero_point=float(parts["zero_point"]),
            fit_fwhm=float(parts["fit_fwhm"]),
        )


def catalogues_with_residual(images: list[GalImage]) -> frozenset[int]:
    """Ids of the catalogues of ``images`` (GalImages) with which a residual is kept."""
    known = GalLeftOver.objects.filter(catalogue__image__in=images, residual__isnull=False)
    return frozenset(known.values_list("catalogue_id", flat=True))


def left_over_of(catalogue: GalReference) -> np.ndarray | None:
    """LEFT_OVER_DTYPE (n,) of a catalogue; None where nothing is known of it."""
    stored = GalLeftOver.objects.filter(catalogue=catalogue).only("n", "stars").first()
    if stored is None:
        return None
    octets = np.frombuffer(zlib.decompress(bytes(stored.stars)), "u1")
    columns = octets.reshape(LEFT_OVER_DTYPE.itemsize, stored.n)
    return np.ascontiguousarray(columns.T).view(LEFT_OVER_DTYPE).reshape(stored.n)
