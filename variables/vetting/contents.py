"""How many candidates of a list would go into each vetting lane."""

from dataclasses import dataclass

from django.db.models import Q
from django.http import QueryDict

from exposures.keyset import KeysetOrder
from variables.candidates.filters import CandidateFilter
from variables.candidates.search import CandidateSearch
from variables.models import Campaign

SHEET, CARD = Campaign.Lane.SHEET, Campaign.Lane.CARD
# A sheet shows the cutouts of one epoch and a small curve of all: enough of what was detected once
# or twice, of any source of its star. What varies without a detection, or did not change on any
# image and was chosen by people, shows in its light curve alone, which cards have in full.
MOST_ON_SHEET = 2  # detections
ON_CARD = (
    Q(star_detections__gt=MOST_ON_SHEET) | Q(star_detections=0, varies=True) | Q(star_changes=0)
)
IN_LANE = {SHEET: ~ON_CARD, CARD: ON_CARD}
BY_KEY = KeysetOrder("pk", nullable=False)
# Beyond what one person vets in some days: somebody who takes more says so.
LARGE = 2000


@dataclass(frozen=True)
class Contents:
    """Numbers of candidates by vetting lane."""

    n_sheet: int
    n_card: int
    is_exact: bool = True  # else both are estimated

    @property
    def total(self) -> int:
        return self.n_sheet + self.n_card

    @property
    def lanes(self) -> list[str]:
        """The lanes that would not be empty."""
        return [lane for lane, n in ((SHEET, self.n_sheet), (CARD, self.n_card)) if n]

    def is_large(self, lanes) -> bool:
        return self.n_in(lanes) > LARGE

    def n_in(self, lanes) -> int:
        return self.n_sheet * (SHEET in lanes) + self.n_card * (CARD in lanes)


def candidates_in(query, request=None):
    """The candidates of a list, from the query string of its page."""
    return CandidateFilter(QueryDict(query), request=request).qs


def contents_of(query, request=None) -> Contents:
    """Count the Contents of a list: exactly where they are few, else by a sample."""
    chosen = candidates_in(query, request)
    found = {
        lane: CandidateSearch(chosen.filter(fits), BY_KEY).count for lane, fits in IN_LANE.items()
    }
    is_exact = all(count.is_exact for count in found.values())
    return Contents(found[SHEET].n, found[CARD].n, is_exact)
