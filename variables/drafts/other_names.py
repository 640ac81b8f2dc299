"""Names that published catalogues have for a star."""

from exposures.models import GalPublishedCatalogue, GalPublishedStar
from photometry.models import GalMatch
from photometry.science.matching.states import MatchState


def other_names(refsource_id) -> list[str]:
    """The names of the published stars that a source was matched with, by catalogue.

    A name that is a number alone follows that of its catalogue.
    """
    in_use = GalPublishedCatalogue.objects.in_use().values("pk")
    matched = GalMatch.objects.filter(refsource_id=refsource_id, state=MatchState.MATCHED).best()
    matched = matched.filter(catalogue_id__in=in_use).order_by("catalogue_id")
    star_ids = list(matched.values_list("star_id", flat=True))
    stars = GalPublishedStar.objects.named().filter(pk__in=star_ids)
    names = dict(stars.values_list("pk", "full_name"))
    return [names[star_id] for star_id in star_ids if names.get(star_id)]
