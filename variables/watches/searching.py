"""The candidates of a watched search, with all that people said of them."""

from types import SimpleNamespace

from django.db.models import F, Value
from django.http import QueryDict

from variables.candidates.filters import CandidateFilter
from variables.models import GalCandidate
from variables.models.candidate_querysets import GalCandidateQuerySet


class WithOpinions(GalCandidateQuerySet):
    """Candidates as somebody sees them to whom nothing is blind."""

    def as_seen_by(self, user=None):
        return self.annotate(shows_class=Value(True), seen_votes=F("n_votes"))

    def of_class_vetted(self, slug, user):
        return self.of_class(slug)


class WatchedFilter(CandidateFilter):
    """The filter of a watched search, which shows nobody anything.

    It asks of opinions as they are, blind or not: what comes of it is held back from whom it is
    blind to until it no longer is.
    """

    def __init__(self, watch):
        request = SimpleNamespace(user=watch.user)
        super().__init__(QueryDict(watch.search.query), WithOpinions(GalCandidate), request=request)

    @property
    def asks_opinions(self) -> bool:
        """Whether the list depends on what people said."""
        cleaned = self.form.cleaned_data if self.is_valid() else {}
        asked = any(cleaned.get(name) for name in ("cls", "vetted", "tag"))
        return asked or any(condition.of.is_opinion for condition in self.conditions)

    def _seen(self):
        return WithOpinions(GalCandidate).as_seen_by()

    def _note_shown(self):
        pass
