"""The steps of making up a survey; each finds what was done of it before, and does the rest."""

from django.db import transaction

from exposures.errors import GalprojectError
from exposures.models import GalExposure
from galproject.demo.seeding.artifacts import add_events
from galproject.demo.seeding.new_sources import add_new_sources
from galproject.demo.seeding.plan import FILTERS
from galproject.demo.seeding.stars import make_exposures, make_patches, observe
from galproject.demo.seeding.tables import (
    PROPOSAL,
    analyse,
    store_exposures,
    store_fields,
    store_series,
    store_unmeasured,
)


def check_is_free(plan, into_existing=False):
    """Whether the survey is there already; raises GalprojectError if something else is."""
    seeded = GalExposure.objects.filter(proposal=PROPOSAL)
    others = set(seeded.values_list("pipeline_version", flat=True).distinct()) - {plan.label}
    if others:
        raise GalprojectError(
            f"The database holds a made-up survey of another plan ({', '.join(sorted(others))}: "
            "candidates/measurements/seed). Votes on it stay for ever: seed another database "
            "(DATABASE_URL)"
        )
    if not into_existing and GalExposure.objects.exclude(proposal=PROPOSAL).exists():
        raise GalprojectError(
            "The database holds exposures that are not made up. Seed another one (DATABASE_URL), "
            "or say --into-existing"
        )
    return seeded.exists()


def seed_survey(plan, into_existing=False, progress=None):
    """Fill the tables of what was observed, measured and changed; whether there was need to.

    ``progress`` is told of each catalogue, by ``update(1)``; there are ``plan.n_catalogues``.
    """
    if check_is_free(plan, into_existing):
        return False
    exposures = make_exposures(plan)
    patches = make_patches(plan, exposures)
    series = [observe(plan, patch, exposures, name) for patch in patches for name in FILTERS]
    add_events(plan, series)
    with transaction.atomic():
        stored = store_exposures(plan, exposures, patches)
        store_unmeasured(plan, patches)
        store_fields(plan)
        for one in series:
            store_series(one, stored)
            if progress is not None:
                progress.update(1)
        add_new_sources(plan, series, stored)
    analyse()
    return True
