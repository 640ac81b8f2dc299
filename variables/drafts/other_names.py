"""Names that published catalogues have for a star."""

from exposures.models import GalPublishedCatalogue, GalPublishedStar
from photometry.models import GalMatch
from photometry.science.matching.states import MatchState


def other_names(refsource_id) -> list[str]:
    """The names of the published stars that a source was matched with, by catalogue.

    A name that is a number alone follows that of its catalogue.
    """
    matched = GalMatch.objects.filter(refsource_id=refsource_id, state=MatchState.MATCHED).best()
    stars = list(matched.values_list("catalogue_id", "star_id").order_by("catalogue_id"))
    ids = [star_id for _, star_id in stars]
    names = dict(GalPublishedStar.objects.filter(pk__in=ids).values_list("pk", "name"))
    catalogues = GalPublishedCatalogue.objects.in_use().in_bulk([pk for pk, _ in stars])
    return [
        catalogues[catalogue_id].name_of(names[star_id])
        for catalogue_id, star_id in stars
        if names.get(star_id) and catalogue_id in catalogues
    ]
