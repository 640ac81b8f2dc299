"""The result of processing a chip, or of leaving it as it was."""

import time
from dataclasses import dataclass

from django.db.models import TextChoices

from exposures.models import GalImage, Status


class Outcome(TextChoices):
    """What became of a chip that was to be processed, or stacked."""

    DONE = Status.DONE.value
    UNCHANGED = "unchanged", "an earlier result stands"
    BUSY = "busy", "another process has it in hand"
    FAILED = Status.FAILED.value


@dataclass(frozen=True)
class ChipResult:
    """The result for one chip; None where nothing was measured."""

    image_id: int
    label: str  # "decam 610792 i N4"
    status: Outcome
    is_reference: bool = False
    n_sources: int | None = None
    fwhm_arcsec: float | None = None
    astrometric_rms_mas: float | None = None
    wcs_offset_arcsec: float | None = None  # by which the header's WCS was off
    zero_point: float | None = None
    chi2_nu: float | None = None
    n_variables: int | None = None
    is_doubted: bool = False  # its changes are not counted
    notes: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether an error ended the chip, which ``error`` then tells."""
        return self.status == Outcome.FAILED


def result_of(image: GalImage, status: Outcome, started: float | None = None) -> ChipResult:
    """The ChipResult from a chip's row; ``started`` is by the monotonic clock."""
    return ChipResult(
        image_id=image.pk,
        label=str(image),
        status=status,
        is_reference=image.is_reference,
        n_sources=image.n_sources,
        fwhm_arcsec=image.fwhm_arcsec,
        astrometric_rms_mas=image.astrometric_rms_mas,
        wcs_offset_arcsec=image.figures.get("wcs_offset"),
        zero_point=image.zero_point,
        chi2_nu=image.chi2_nu,
        n_variables=image.n_variables,
        is_doubted=image.is_doubted,
        notes=tuple(image.notes),
        seconds=0.0 if started is None else time.monotonic() - started,
    )
