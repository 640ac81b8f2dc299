"""Candidates whose class is known and may be shown: gold of closed campaigns."""

from dataclasses import dataclass

from variables.models import CampaignObject, GalCandidate, TaxonomyClass


@dataclass(frozen=True)
class KnownStar:
    """A candidate and the class that it is known to be of, a top one of its taxonomy."""

    candidate: GalCandidate
    choice: TaxonomyClass


def known_stars(classes, most=None) -> list[KnownStar]:
    """Gold objects of the given top classes, or of their subtypes, those with most epochs first.

    ``most`` of each class, if it is given. Gold of an open campaign is not shown to anybody, voted
    or not: who has seen it would not be judged by it any more.
    """
    tops = {one.pk: one for one in classes}
    subtypes = TaxonomyClass.objects.filter(parent__in=tops).values_list("pk", "parent_id")
    top_of = tops | {pk: tops[parent] for pk, parent in subtypes}
    gold = CampaignObject.objects.filter(gold__in=top_of, campaign__closed__isnull=False)
    rows = dict(gold.exclude(refsource_id__in=going_on()).values_list("refsource_id", "gold_id"))
    counts, chosen = {}, []
    there = GalCandidate.objects.current().visible().filter(pk__in=rows)
    for candidate in there.order_by("-n_epochs", "pk"):
        choice = top_of[rows[candidate.pk]]
        counts[choice.pk] = counts.get(choice.pk, 0) + 1
        if most is None or counts[choice.pk] <= most:
            chosen.append(KnownStar(candidate, choice))
    return chosen


def going_on():
    """Ids of the candidates of open campaigns, on which votes are blind."""
    return CampaignObject.objects.going_on().values("refsource_id")
