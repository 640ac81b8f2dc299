"""People's decisions on which new sources are added to their reference."""

from django.db import connection, transaction
from django.utils import timezone

from exposures.errors import GalprojectError
from exposures.locks import Claimed, lock_to_end
from exposures.options_in_force import options_in_force
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from variables.derived.refresh import refresh_candidates
from variables.models import GalNewSource
from variables.new_sources.standing import add_sources, judge_sources

# All that is known of a source by forced fits, which only sources of a reference have.
OF_SOURCE = ("galsources", "galnondetections", "galreferencemags", "galmotions", "galvarobjs")


@transaction.atomic
def take_back(refsource_ids) -> None:
    """Take added sources off their references again; they are not added by themselves later.

    What forced fits measured of them goes. Where detections of them stand they are new sources
    once more; images that were processed since have none, until they are processed again.
    Raises GalprojectError if one is not an added source.
    """
    for catalogue, sources in _locked(refsource_ids, GalNewSource.State.ADDED):
        ids = [source.pk for source in sources]
        with connection.cursor() as cursor:
            for table in OF_SOURCE:
                cursor.execute(
                    f"DELETE FROM {table} WHERE refsource_id BETWEEN %s AND %s"
                    " AND refsource_id = ANY(%s)",
                    [*catalogue.id_range, ids],
                )
        GalNewSource.objects.filter(pk__in=ids).update(
            state=GalNewSource.State.WAITING,
            is_kept_out=True,
            added=None,
            added_by="",
            added_images=[],
        )
        judge_sources(catalogue, ids, options_in_force().new_sources)
        refresh_candidates(refsource_ids=ids)


@transaction.atomic
def add(refsource_ids, by: str) -> None:
    """Make new sources sources of their references, whatever the pipeline believes of them.

    Raises GalprojectError if one is no new source, or is added already.
    """
    states = tuple(s for s in GalNewSource.State if s != GalNewSource.State.ADDED)
    for catalogue, sources in _locked(refsource_ids, *states):
        ids = [source.pk for source in sources]
        add_sources(catalogue, sources, options_in_force().new_sources)
        GalNewSource.objects.filter(pk__in=ids).update(
            is_kept_out=False, added_by=by, added=timezone.now()
        )
        refresh_candidates(refsource_ids=ids)


def _locked(refsource_ids, *states):
    """Each GalReference with those of its new sources that are named, and locked."""
    ids = sorted(set(refsource_ids))
    catalogue_ids = sorted({catalogue_of(i) for i in ids})
    lock_to_end(Claimed.NEW_SOURCES, catalogue_ids)
    sources = list(GalNewSource.objects.filter(pk__in=ids, state__in=states).order_by("pk"))
    if missing := sorted(set(ids).difference(source.pk for source in sources)):
        names = ", ".join(map(str, missing))
        what = " or ".join(states)
        raise GalprojectError(
            f"{names}: no new source whose state is {what}. List them: manage.py added_sources"
        )
    for catalogue in GalReference.objects.filter(pk__in=catalogue_ids).order_by("pk"):
        yield catalogue, [s for s in sources if s.catalogue_id == catalogue.pk]
