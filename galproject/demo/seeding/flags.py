"""Artifacts of a made-up survey, flagged by its curator or proposed by the pipeline."""

from django.contrib.auth import get_user_model
from django.db.models import F

from exposures.models import GalExposure, GalImage, Status
from galproject.demo.seeding.tables import PROPOSAL
from variables.flags.marking import flag_image, flag_source, undo_flag
from variables.flags.proposals import propose
from variables.models import Artifact, Cut, GalFlag, GalVarObj

TRAIL_PIXELS = 24  # across
N_PROPOSED = 16  # exposures, of which the pipeline proposes flags
DOUBTFUL = (
    (Cut.BLENDED, Artifact.BLEND, "two stars as one"),
    (Cut.SHARP, Artifact.COSMIC, "light in one pixel"),
    (Cut.NEAR_SATURATED, Artifact.SATURATED, "in the wings of a bright star"),
    (Cut.MASKED, Artifact.DETECTOR, "bad columns"),
)
N_OF_EACH = 3


def make_flags() -> int:
    """Flag a bad image, bleed trails and sources, undo one, propose others; returns how many."""
    curator = get_user_model().objects.get(username="curator")
    if GalFlag.objects.filter(made_by=curator).exists():
        return 0
    images = GalImage.objects.done().filter(exposure__proposal=PROPOSAL)
    worst = images.searches().order_by("-fwhm_arcsec", "pk").first()
    made = [flag_image(worst, Artifact.QUALITY, "out of focus", curator)]
    for image in images.references().order_by("pk")[:2]:
        trail = _trail(image)
        made.append(flag_image(image, Artifact.BLEED, "trail of a bright star", curator, trail))
    for cut, artifact, reason in DOUBTFUL:
        made += [flag_source(i, artifact, reason, curator) for i in _failing(cut)]
    undo_flag(made[-1], curator, "the columns are fine")
    exposures = GalExposure.objects.filter(proposal=PROPOSAL, images__status=Status.DONE)
    return len(made) + propose(exposures.distinct().order_by("-mjd")[:N_PROPOSED])


def _trail(image):
    """Corners of a region along the columns of a chip."""
    x, low, high = 0.31 * image.width, 0.2 * image.height, 0.8 * image.height
    return [x, low, x + TRAIL_PIXELS, low, x + TRAIL_PIXELS, high, x, high]


def _failing(cut):
    """Ids of some sources that failed a cut."""
    changes = GalVarObj.objects.filter(image__exposure__proposal=PROPOSAL)
    failing = changes.alias(bits=F("failed_cuts").bitand(cut)).exclude(bits=0)
    ids = failing.order_by("refsource_id", "pk").values_list("refsource_id", flat=True)
    return list(dict.fromkeys(ids[: 10 * N_OF_EACH]))[:N_OF_EACH]
