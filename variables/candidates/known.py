"""What published catalogues say of a candidate, in words and as a table."""

from dataclasses import dataclass

import numpy as np

from exposures.models import GalPublishedCatalogue, GalPublishedStar
from exposures.published_catalogues import PublishedKind
from photometry.models import GalMatch
from photometry.science.matching.states import MatchState
from variables.models import GalCandidate
from variables.models.known import Known
from variables.science.period_agreement import PeriodAgreement, compare_periods

NO_STAR = GalPublishedStar()
NO_STAR.full_name = None
TOLD_AGREEMENTS = frozenset(PeriodAgreement) - {PeriodAgreement.NONE, PeriodAgreement.AGREES}


def known_text(candidate: GalCandidate) -> str:
    """What is known of a candidate, on one line: "known: RRAB, 0.5432 d, agrees, V1234 Sgr".

    The agreement is that of the period found; where it can't be told, how many it could be.
    """
    if candidate.known == Known.CANT_BE_TOLD:
        return f"could be {one_of(candidate.known_possible)}"
    if candidate.known != Known.KNOWN:
        return candidate.get_known_display()
    period = candidate.known_period and f"{candidate.known_period:.6g} d"
    agreement = candidate.period_agreement
    is_compared = agreement != PeriodAgreement.NONE
    parts = (candidate.known_class, period, is_compared and agreement, candidate.known_name)
    return f"known: {', '.join(part for part in parts if part)}".removesuffix(": ")


def known_label(candidate: GalCandidate) -> str:
    """The same in a word or two: "RRAB, 2:1", "new" or "1 of 3"; "" where it is not looked up.

    That a period agrees is left out.
    """
    if candidate.known == Known.NOT_LOOKED_UP:
        return ""
    if candidate.known == Known.CANT_BE_TOLD:
        return f"1 of {candidate.known_possible}"
    if candidate.known == Known.NEW:
        return candidate.get_known_display()
    said = candidate.known_class or candidate.get_known_display()
    is_said = candidate.period_agreement in TOLD_AGREEMENTS
    return f"{said}, {candidate.period_agreement}" if is_said else said


def known_as(candidate: GalCandidate) -> str:
    """Its published name and period, in short: "V1234 Sgr, 0.5432 d"; "" where it isn't known."""
    if candidate.known != Known.KNOWN:
        return ""
    period = candidate.known_period and f"{candidate.known_period:.4g} d"
    return ", ".join(part for part in (candidate.known_name, period) if part)


def one_of(n_possible: int) -> str:
    """How many published stars a source could be: "one of 3", or "this one" where it is one."""
    return f"one of {n_possible}" if n_possible > 1 else "one that is published"


@dataclass(frozen=True)
class PublishedMatch:
    """What is said of a candidate and a published catalogue, and the best and next best star."""

    catalogue: GalPublishedCatalogue
    best: GalMatch
    star: GalPublishedStar  # one without anything where there is none
    next_best: GalMatch | None
    next_star: GalPublishedStar
    agreement: PeriodAgreement  # of the candidate's period with the star's

    @property
    def name(self) -> str:
        """The name of the best star; "" where it has none, or there is no star."""
        return self.star.full_name or ""

    @property
    def next_name(self) -> str:
        return self.next_star.full_name or ""

    @property
    def is_untold(self) -> bool:
        return self.best.state == MatchState.CANT_BE_TOLD

    @property
    def possible(self) -> str:
        """How many it could be, in words."""
        return one_of(self.best.n_possible)


def published_matches(candidate: GalCandidate) -> tuple[PublishedMatch, ...]:
    """The matches of a candidate with catalogues in use, those of variables first; three queries.

    Two where it has none.
    """
    return published_matches_of([candidate])[candidate.pk]


def published_matches_of(candidates) -> dict[int, tuple[PublishedMatch, ...]]:
    """{refsource_id: its ``published_matches``} of some candidates, in three queries."""
    catalogues = GalPublishedCatalogue.objects.in_use().in_bulk()
    ids = [candidate.pk for candidate in candidates]
    rows = GalMatch.objects.filter(refsource_id__in=ids, catalogue_id__in=list(catalogues))
    by_rank = {(row.refsource_id, row.catalogue_id, row.rank): row for row in rows}
    star_ids = [row.star_id for row in by_rank.values() if row.star_id]
    stars = GalPublishedStar.objects.named().in_bulk(star_ids)
    found = {candidate.pk: [] for candidate in candidates}
    of = {candidate.pk: candidate for candidate in candidates}
    for (source, pk, rank), best in by_rank.items():
        if rank == 1:
            next_best = by_rank.get((source, pk, 2))
            found[source].append(_match(catalogues[pk], best, next_best, stars, of[source]))
    return {source: tuple(sorted(matches, key=_order)) for source, matches in found.items()}


def _match(catalogue, best, next_best, stars, candidate):
    star = stars.get(best.star_id, NO_STAR)
    next_star = NO_STAR if next_best is None else stars.get(next_best.star_id, NO_STAR)
    periods = (candidate.period_days, candidate.period_err, star.period)
    (agreement,) = compare_periods(*np.array(periods, float)[:, None])
    return PublishedMatch(
        catalogue, best, star, next_best, next_star, PeriodAgreement(str(agreement))
    )


def _order(match):
    """What tells of variables comes first, of that what is matched."""
    is_of_variables = match.catalogue.kind == PublishedKind.VARIABLES
    has_class = match.star.var_class is not None
    return not is_of_variables, not has_class, match.best.state, match.catalogue.name
