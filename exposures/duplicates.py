"""Detection of one exposure under two numbers or names, by camera, time and centre."""

import zlib
from pathlib import Path

from django.db.models import ExpressionWrapper, F, FloatField
from django.db.models.functions import Abs

from exposures.chip import ExposureFacts
from exposures.errors import InputFileError
from exposures.fits import read_exposure, read_footprints
from exposures.fits.copies import have_same_pixels, is_stack, telescope
from exposures.fits.options import InputOptions
from exposures.locks import Claimed, lock_to_end
from exposures.models import GalExposure
from exposures.science.motion import separation_degrees

SECONDS_A_DAY = 86400.0
UNNAMED = "plain"  # of whatever cameras have no name in their headers


def lock_entries(instrument: str):
    """Lock the entry of a camera's exposures until the transaction ends.

    Of two processes that enter one exposure under two names at the same time, the second sees
    what the first has entered.
    """
    digest = zlib.crc32(instrument.encode("utf-8", "replace")) & 0x7FFFFFFF
    lock_to_end(Claimed.ENTRY, [digest])


def check_is_no_other(exposure: GalExposure, facts: ExposureFacts, options: InputOptions):
    """Raise InputFileError if an exposure was entered before under another number or name.

    A camera takes one exposure at a time. So two that overlap by more than half of the shorter,
    with one centre and filter, are the same; the chips of a camera that come in files of their
    own have centres of their own. The pixels decide where times are written more coarsely than
    exposures are long, where the filters differ, as a camera may have several arms, and where
    the camera has no name, as that is not one camera.
    """
    if facts.is_combined:
        return
    for other in _at_the_same_time(facts).exclude(pk=exposure.pk):
        kinship = _kinship(facts, other)
        if kinship and _have_one_centre(facts, other, options):
            raise _entered_before(exposure, facts, other, kinship)


def _at_the_same_time(facts):
    """Exposures of the camera that overlap in time, within the accuracy of times."""
    reach = F("exposure_seconds") + facts.exposure_seconds + 2 * facts.time_resolution_seconds
    days = ExpressionWrapper(reach / (2 * SECONDS_A_DAY), output_field=FloatField())
    exposures = GalExposure.objects.filter(
        instrument=facts.instrument, mjd__range=(facts.mjd - 1, facts.mjd + 1)
    )
    return exposures.alias(apart=Abs(F("mjd") - facts.mjd)).filter(apart__lte=days).order_by("pk")


def _have_one_centre(facts, other, options):
    """Whether both have one centre, judged by a common chip if their chips differ."""
    places = [(facts.ra, facts.dec, other.ra, other.dec)]
    if facts.is_triplet:
        places += _common_chip(facts, other, options)
    within = options.same_centre_arcsec / 3600
    return any(separation_degrees(*place) <= within for place in places)


def _common_chip(facts, other, options):
    """A common chip's corner as a list of its ra, dec in both; empty if they share none."""
    try:
        (path, *_) = _paths(other)
        footprints = [read_footprints(f) for f in (facts, read_exposure(path, options))]
    except (InputFileError, ValueError):  # without a file that can be read
        return []
    common = sorted(set(footprints[0]) & set(footprints[1]))
    return [(*footprints[0][number][:2], *footprints[1][number][:2]) for number in common[:1]]


def _kinship(facts, other):
    """The relation to an exposure entered before, in words; "" if they differ."""
    shorter = min(facts.exposure_seconds, other.exposure_seconds)
    apart = SECONDS_A_DAY * abs(facts.mjd - other.mjd)
    overlap = (facts.exposure_seconds + other.exposure_seconds) / 2 - apart
    is_sure = shorter > facts.time_resolution_seconds and facts.filter == other.filter
    if is_sure and facts.instrument != UNNAMED and overlap > shorter / 2:
        return "the same exposure as" if _may_be_one(facts, other) else ""
    is_near = apart <= max(shorter / 2, facts.time_resolution_seconds)
    return "a copy of" if is_near and _is_copy(facts, other) else ""


def _may_be_one(facts, other):
    """Whether the files may be of one telescope, and the other is no stack."""
    paths = _paths(other)
    names = {telescope(path) for path in (facts.image_path, *paths)} - {""}
    return len(names) < 2 and not any(map(is_stack, paths))


def _is_copy(facts, other):
    """Whether their first common chip has the same pixels."""
    entries = {entry.ccdnum: entry for entry in facts.chips}
    for image in other.images.filter(ccdnum__in=entries).order_by("ccdnum")[:1]:
        own = facts.image_path, entries[image.ccdnum].hdu
        return have_same_pixels(own, (Path(image.path), image.hdu))
    return False


def _paths(exposure):
    return [Path(path) for path in exposure.images.values_list("path", flat=True).distinct()]


def _entered_before(exposure, facts, other, kinship):
    files = " and ".join(map(str, _paths(other))) or f"exposure {other.identifier}"
    if any(map(Path.exists, _paths(other))):
        advice = "Remove one of the two files, or process that one"
    else:
        advice = f"Give it the name it had, or remove that one: delete_exposure {other.identifier}"
    return InputFileError(
        facts.image_path,
        f"{kinship} {files}, which was entered before as {other.identifier}: camera, time and "
        f"centre agree, though this is {exposure.identifier}",
        advice,
    )
