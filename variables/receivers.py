"""What follows here when rows of this and other applications go, or are replaced."""

from functools import partial

from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, pre_delete

from photometry.crossmatch.object_storage import objects_changed, sources_replaced
from photometry.matching.storage import matches_changed
from variables.derived.published import refresh_published_later
from variables.derived.stars import candidates_of, refresh_stars
from variables.learning.storage import delete_scores
from variables.models import Campaign, GalVarObj
from variables.new_sources.replacements import record_lost_sources
from variables.notices.writing import tell_asked
from variables.periods.storage import delete_periods
from variables.pictures.change_positions import delete_positions
from variables.pictures.change_shapes import delete_shapes
from variables.pictures.paths import remove_cutouts, remove_picture
from variables.replacements.annotations import transfer_annotations
from variables.variability.storage import delete_variability


def connect():
    """Have each of these called from now on."""
    pre_delete.connect(delete_catalogue_files, sender="photometry.GalReference")
    post_delete.connect(delete_picture, sender="exposures.GalImage")
    m2m_changed.connect(follow_members, sender=Campaign.members.through)
    sources_replaced.connect(transfer_annotations_of_sources)
    objects_changed.connect(follow_objects)
    matches_changed.connect(follow_matches)


def delete_catalogue_files(instance, **_):
    """Remove what a catalogue's sources have with it.

    Their changes, statistics, periods, scores, positions, shapes and cutouts.

    The positions of new ones that people annotated are recorded.
    """
    record_lost_sources(instance)
    GalVarObj.objects.in_catalogue(instance.pk).delete()
    delete_variability(instance)
    delete_periods(instance)
    delete_positions(instance)
    delete_shapes(instance)
    delete_scores(instance)
    transaction.on_commit(partial(remove_cutouts, instance.pk))


def transfer_annotations_of_sources(old, new, **_):
    """Transfer votes, flags and campaigns to the sources that replace others."""
    transfer_annotations(old, new)


def follow_objects(refsource_ids, object_ids, **_):
    """Have candidates say which star they are of now, and how often it was detected."""
    refresh_stars(candidates_of(refsource_ids, object_ids))


def follow_matches(reference_ids, **_):
    """Have candidates, the plane of all stars, and diagrams say what the matches tell now."""
    refresh_published_later(reference_ids)


def follow_members(instance, action, pk_set, reverse, **_):
    """Tell people who were asked into a campaign."""
    if action == "post_add" and not reverse:
        tell_asked(instance, pk_set)


def delete_picture(instance, **_):
    """Remove the picture of a chip with the chip."""
    transaction.on_commit(partial(remove_picture, instance.pk))
