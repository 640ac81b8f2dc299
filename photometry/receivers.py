"""What follows here when catalogues go."""

from django.db.models.signals import pre_delete

from photometry.matching.storage import delete_matches, delete_published_matches


def connect():
    """Have each of these called from now on."""
    pre_delete.connect(delete_matches_of_reference, sender="photometry.GalReference")
    pre_delete.connect(delete_matches_of_published, sender="exposures.GalPublishedCatalogue")


def delete_matches_of_reference(instance, **_):
    """Remove the matches of a reference catalogue's sources."""
    delete_matches(instance)


def delete_matches_of_published(instance, **_):
    """Remove the matches with a published catalogue's stars."""
    delete_published_matches(instance)
