"""What is known of a candidate that people agree on, as lists of others want it."""

from dataclasses import dataclass

from exposures.errors import GalprojectError
from exposures.options_in_force import options_in_force
from variables.candidates.positions import sexagesimal
from variables.drafts.curves import DraftCurve, draft_curves
from variables.drafts.names import designation
from variables.drafts.options import DraftOptions
from variables.drafts.other_names import other_names
from variables.models import GalCandidate, TaxonomyClass
from variables.votes.blindness import note_shown

ARTIFACT, VARIABLE = TaxonomyClass.Kind.ARTIFACT, TaxonomyClass.Kind.VARIABLE
NO_STAR = ("proper-motion",)  # real changes that are none of brightness


class DraftError(GalprojectError):
    """A candidate of which there is no draft, with the reason."""


@dataclass(frozen=True)
class Facts:
    """What is known of a candidate."""

    candidate: GalCandidate
    name: str
    other_names: tuple[str, ...]
    choice: TaxonomyClass  # that people agree on
    n_votes: int
    period_days: float | None  # that they agree on
    period_err: float | None  # days
    curves: tuple[DraftCurve, ...]  # its own filter first
    options: DraftOptions

    @property
    def position(self) -> str:
        """Right ascension in hours and declination in degrees, J2000."""
        return sexagesimal(self.candidate.ra, self.candidate.dec)

    @property
    def slugs(self) -> list[str]:
        """The class's slug, and its parent's where it is a subtype."""
        parent = self.choice.parent
        return [self.choice.slug, *([parent.slug] if parent else [])]


def facts_of(pk, user=None) -> Facts:
    """The Facts of a candidate, as far as ``user`` may see them; without one, as everybody may.

    Raises DraftError where people don't agree, on what is no variable star, or where the user may
    not see what they said.
    """
    shown = GalCandidate.objects.as_seen_by(user).select_related(
        "catalogue__image__exposure", "consensus__parent"
    )
    candidate = shown.filter(pk=pk).first()
    if candidate is None:
        raise DraftError(f"there is no candidate {pk}. Give the number that its page has")
    check_agreed(candidate)
    note_shown(user, [candidate.pk])
    opinion, options = candidate.opinion, options_in_force().drafts
    return Facts(
        candidate=candidate,
        name=designation(options.designation, candidate.ra, candidate.dec),
        other_names=tuple(other_names(candidate.pk)),
        choice=opinion.choice,
        n_votes=opinion.n_votes,
        period_days=opinion.period_days,
        period_err=opinion.period_err,
        curves=tuple(draft_curves(candidate)),
        options=options,
    )


def check_agreed(candidate):
    """Raise DraftError unless people agree, for all to see, that a candidate is a variable star."""
    if not candidate.shows_class:
        raise DraftError(
            f"{candidate} is in a campaign that goes on: what people say of it is shown to those "
            "who have voted, and to all once it is closed"
        )
    choice = candidate.opinion.choice
    if choice is None:
        said = "don't agree" if candidate.opinion.is_disputed else "have not agreed on a class yet"
        raise DraftError(f"people {said} on {candidate}. Vote on it, or ask others to")
    if choice.kind != VARIABLE or choice.slug in NO_STAR:
        raise DraftError(f"people agree that {candidate} is no variable star: {choice.label}")
