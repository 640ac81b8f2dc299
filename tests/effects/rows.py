"""Results that are derived from the tables, by the options in force.

Each makes its own rows; whoever asks takes them back. Ids are no part of a result.
"""

from dataclasses import replace

import numpy as np
from django.contrib.auth import get_user_model

from exposures.errors import GalprojectError
from exposures.fits import read_exposure
from exposures.ingest import ingest_exposure
from exposures.models import GalImage, Status
from galproject.home.fields import observed_fields
from galproject.processing.pipeline import process_chip
from galproject.queue.runs import prepare
from galproject.queue.waiting import references_near
from galproject.references.patches import patch_round
from galproject.references.quality import qualities
from photometry.models import GalNonDetection, GalReferenceMember, GalReferenceSet
from photometry.references.reference_sets import renew_means
from photometry.storage import storage
from photometry.storage.left_over import store_left_over
from photometry.storage.reference_values import means_in
from tests.builders.candidates import add_epoch, make_catalogue
from tests.builders.flagged_field import make_change, make_field, make_search
from tests.builders.survey_rows import make_image, make_sources
from tests.effects import chips
from tests.effects.reading import plain_file
from tests.galproject.test_references import MEASURED, PATCH, blurred
from tests.variables.test_added_sources import left_over
from tests.variables.test_new_sources import DEC, RA, detection
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.flags.proposals import propose
from variables.models import (
    GalCandidate,
    GalFlag,
    GalNewDetection,
    GalNewSource,
    GalVarObj,
)
from variables.new_sources.association import lock_new_sources, replace_new_detections
from variables.new_sources.replacements import follow_new_sources

N_EPOCHS = 6


def causes(options):
    """What candidates of one catalogue are judged to be caused by."""
    image = make_image("causes", is_reference=True, n_sources=20, width=2000, height=2000)
    rows = make_sources(20)
    rows["x"], rows["y"] = np.random.default_rng(2).uniform(100, 1900, (2, 20))
    rows = np.sort(rows, order="dec")
    catalogue = storage.create_catalogue(image, rows, {}, "1")
    stored = storage.catalogue_sources(catalogue)
    for epoch in range(N_EPOCHS):
        # Alike on all epochs, with some scatter on all, and alike on four of six.
        changed = {0: 0.8, 1: 0.3 + 0.3 * epoch, 2: 0.7} if epoch < 4 else {0: 0.8, 1: 1.0}
        if epoch < 4:
            changed |= {3 + epoch: 0.9}
        if epoch == 5:
            changed |= dict.fromkeys(range(8, 16), 0.4)
        add_epoch(catalogue, 60001.0 + epoch, changed)
    changes = GalVarObj.objects.filter(image__reference=image)
    for k in range(4):  # four stars at one place of the detector, 0.5 pixels apart
        at = changes.filter(refsource_id=int(stored["refsource_id"][3 + k]))
        at.update(x=900 + 0.5 * k, y=900)
    edge = int(stored["refsource_id"][8])
    catalogue_rows = type(catalogue).objects.get(pk=catalogue.pk)
    _move(catalogue_rows, edge, x=10.0)
    refresh_candidates([catalogue.pk])
    found = GalCandidate.objects.filter(catalogue=catalogue).order_by("pk")
    return list(found.values_list("cause", flat=True))


def _move(catalogue, refsource_id, x):
    from photometry.models import GalSource

    GalSource.objects.filter(refsource_id=refsource_id).update(x=x)


def proposals(options):
    """What is proposed as artifacts of a search exposure, after five others of its detector."""
    rng = np.random.default_rng(6)
    x, y = rng.uniform(100, 1900, (2, 60))
    x[:6], y[:6] = 600 + 9 * np.cos(np.arange(6)), 1200 + 9 * np.sin(np.arange(6))
    field = make_field(x, y, changed=range(7), name="p")
    GalVarObj.objects.filter(refsource_id__in=field.ids[:3]).update(failed_cuts=128)
    hot = [field.search]
    for epoch in range(4):
        mjd = 60001.0 + 5 * (epoch + 1)
        hot.append(make_search(field.reference, field.rows, name=f"p{epoch}", mjd=mjd))
    for k, image in enumerate(hot):
        make_change(image, field.rows[20 + k], x=1500.0 + 0.3 * k, y=500.0)
    propose([field.search.exposure])
    flags = GalFlag.objects.proposed().order_by("artifact", "reason", "region")
    return [(f.artifact, f.reason, f.region) for f in flags]


def ranking(options):
    """In which order exposures are suggested as references."""
    blurred("sharp", 1.0, zero_point=30.0)
    blurred("deep", 2.0, zero_point=31.0)
    part, whole = blurred("part", 1.2), blurred("whole", 1.5)
    for image, status in ((part, Status.FAILED), (whole, Status.DONE)):
        columns = MEASURED if status == Status.DONE else {}
        GalImage.objects.create(
            exposure=image.exposure, ccdnum=2, chip_name="N5", hdu=2, status=status, **columns
        )
    return [q.exposure.identifier for q in qualities(list(PATCH.exposures()))]


def fields(options):
    """Which exposures belong together."""
    make_image("a", ra=150.0, dec=2.0, is_reference=True)
    other = make_image("b", ra=151.8, dec=2.0)
    make_image("c", ra=152.0, dec=2.0)
    n_near = references_near(other.exposure).count()
    return len(observed_fields()), n_near, patch_round(other.exposure).radius


def entered_twice(options):
    """What becomes of an exposure that was entered before, with another number, 3 arcsec away."""
    facts = read_exposure(plain_file(), options.input)
    ingest_exposure(facts, None, options.input)
    other = replace(facts, identifier="1", dec=facts.dec + 3 / 3600)
    try:
        return len(ingest_exposure(other, None, options.input))
    except GalprojectError as error:
        return type(error)


def set_means(options):
    """How bright a reference set says that sources are, one of whose images has lost pixels."""
    catalogue = make_catalogue(20)
    images = [add_epoch(catalogue, 60001.0 + k) for k in range(2)]
    rows = storage.catalogue_sources(catalogue)
    rows["quality"], rows["mag"] = 0.8, rows["mag"] + 0.005
    storage.replace_measurements(images[1], rows)
    found = GalReferenceSet.objects.create(image=catalogue.image, options={})
    for image in images:
        GalReferenceMember.objects.create(reference_set=found, image=image)
    renew_means(found, options.reference_sets, "1")
    return means_in(catalogue.pk)["mag"]


def new_sources(options):
    """How many sources detections make that are 0.3 arcsec and half an hour apart, or a day."""
    catalogue = make_catalogue(30, ra=RA, dec=DEC)
    places = {60001.0: (0.0, 5.0), 60001.02: (5.0,), 60002.0: (0.3,)}
    for mjd, norths in places.items():
        _detect(catalogue, mjd, norths, options)
    return GalNewSource.objects.count()


def _detect(catalogue, mjd, norths, options):
    image = add_epoch(catalogue, mjd)
    detections = [detection(catalogue, north=north) for north in norths]
    lock_new_sources([image], detections)
    replace_new_detections(image, detections, options.new_sources)


def followers(options):
    """How many new sources go to who is in their place, 0.2 arcsec away, in another catalogue."""
    catalogue = make_catalogue(30, ra=RA, dec=DEC)
    for mjd in (60001.0, 60002.0):
        _detect(catalogue, mjd, (0.0,), options)
    user = get_user_model().objects.create_user("follower")
    refresh_candidates([catalogue.pk])
    flag_source(GalNewSource.objects.get().pk, "other", "a ghost", user)
    rows = storage.catalogue_sources(catalogue)
    rows = np.concatenate([rows, rows[:1]])
    rows["ra"][-1], rows["dec"][-1] = RA, DEC + 0.2 / 3600
    again = storage.create_catalogue(catalogue.image, rows, {}, "again", drop_previous=True)
    return follow_new_sources(again, options.new_sources)


def believed(options):
    """What is believed of a star that a reference left over, 0.6 arcsec beside it."""
    catalogue = make_catalogue(30, ra=RA, dec=DEC)
    catalogue.image.fwhm_arcsec = 1.2
    catalogue.image.save()
    store_left_over(catalogue, left_over(20.0, north=0.6))
    for mjd in (60001.0, 60002.0):
        _detect(catalogue, mjd, (0.0,), options)
    return GalNewSource.objects.get().state


def processed(options):
    """What a search chip has that its reference has not, when the pipeline is asked for it."""
    night = chips.night()
    options = replace(options, catalogue=str(night.catalogue))
    for path, is_reference in ((night.reference, True), (night.searches[0], False)):
        plan = prepare([path], options, is_reference=is_reference)
        for pk in plan.image_ids:
            process_chip(pk, options)
    # Where stars are that only the search image has, the reference has none: by chance or faint.
    image = GalImage.objects.searches().get()
    return GalNewDetection.objects.filter(image=image).count(), image.status


def upper_limit(options):
    """The upper limit of a star that was not detected on a search image."""
    reference = make_image("limits", is_reference=True)
    storage.create_catalogue(reference, make_sources(2), {}, "1")
    (source, gone) = storage.reference_sources_in([reference]).reshape(2, 1)
    gone["flux"], gone["flux_err"] = -1, 20
    image = make_image("gone", mjd=60001.0, zero_point=30.0, options=options.as_json())
    storage.replace_measurements(image, source, gone)
    return GalNonDetection.objects.get(galimage_id=image.pk).limit_mag
