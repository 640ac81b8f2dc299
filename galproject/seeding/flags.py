"""Artifacts of a made-up survey, flagged by its curator."""

from django.contrib.auth import get_user_model

from exposures.models import GalImage
from galproject.seeding.tables import PROPOSAL
from variables.flags.marking import flag_image, flag_source, undo
from variables.models import Artifact, GalFlag, GalVarObj

TRAIL_PIXELS = 24  # across
N_SOURCES = 12


def make_flags() -> int:
    """Flag a bad image, two bleed trails and a few sources, and undo one flag; how many."""
    curator = get_user_model().objects.get(username="curator")
    if GalFlag.objects.filter(made_by=curator).exists():
        return 0
    images = GalImage.objects.done().filter(exposure__proposal=PROPOSAL)
    worst = images.searches().order_by("-fwhm_arcsec", "pk").first()
    made = [flag_image(worst, Artifact.QUALITY, "out of focus", curator)]
    for image in images.references().order_by("pk")[:2]:
        trail = _trail(image)
        made.append(flag_image(image, Artifact.BLEED, "trail of a bright star", curator, trail))
    for refsource_id in _doubtful_sources():
        made.append(flag_source(refsource_id, Artifact.BLEND, "two stars as one", curator))
    undo(made[-1], curator, "they are apart")
    return len(made)


def _trail(image):
    """Corners of a region along the columns of a chip."""
    x, low, high = 0.31 * image.width, 0.2 * image.height, 0.8 * image.height
    return [x, low, x + TRAIL_PIXELS, low, x + TRAIL_PIXELS, high, x, high]


def _doubtful_sources():
    """Ids of sources that failed the cut on blends."""
    changes = GalVarObj.objects.exclude(failed_cuts=0).order_by("refsource_id", "pk")
    ids = changes.filter(image__exposure__proposal=PROPOSAL).values_list("refsource_id", flat=True)
    return list(dict.fromkeys(ids))[:N_SOURCES]
