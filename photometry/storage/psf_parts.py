"""A ChipPsf as named arrays, as they are packed beside pixels."""

from collections.abc import Mapping
from typing import Any

from photometry.science.psf.psf import ChipPsf

SHAPES = ("fwhm", "e1", "e2")


def parts_of_psf(psf: ChipPsf) -> dict[str, Any]:
    """The arrays and numbers of a ChipPsf, by name; no core where it has none."""
    return {
        **{name: getattr(psf, name) for name in SHAPES},
        **({} if psf.core is None else {"core": psf.core}),
        "beta": psf.beta,
        "wing": psf.wing,
    }


def psf_of_parts(parts: Mapping[str, Any]) -> ChipPsf:
    """The ChipPsf of ``parts_of_psf``."""
    return ChipPsf(
        **{name: parts[name] for name in SHAPES},
        beta=float(parts["beta"]),
        core=parts.get("core"),
        wing=float(parts["wing"]),
    )
