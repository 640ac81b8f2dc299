"""Trends that the stars of a catalogue share, made up for one of its stars."""

from exposures.source_ids import catalogue_of
from photometry.models import GalSource
from variables.models import GalTrend, GalTrendStar

COEFFICIENTS = (0.5, -2.0, 0.0, 0.0, 0.0)


def make_trends(refsource_id):
    """Store two trends of all images of a star but its first; {image id: mag} of their sum."""
    catalogue_id = int(catalogue_of(refsource_id))
    rows = GalSource.objects.light_curve(refsource_id)[1:]
    GalTrendStar.objects.create(
        refsource_id=refsource_id,
        **{f"coefficient_{k}": coefficient for k, coefficient in enumerate(COEFFICIENTS, 1)},
    )
    together = {}
    for k, row in enumerate(rows):
        mags = 0.1 * (k + 1), 0.02 * (-1) ** k
        for number, mag in enumerate(mags, 1):
            GalTrend.objects.create(
                catalogue_id=catalogue_id, galimage_id=row.galimage_id, number=number, mag=mag
            )
        together[row.galimage_id] = COEFFICIENTS[0] * mags[0] + COEFFICIENTS[1] * mags[1]
    return together
