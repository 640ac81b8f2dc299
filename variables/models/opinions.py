"""What people say of a candidate, as far as somebody may see it."""

from dataclasses import dataclass

from variables.models.taxonomy import TaxonomyClass


@dataclass(frozen=True)
class Opinion:
    """People's consensus on a candidate as one user may see it; all None if they may not."""

    choice: TaxonomyClass | None  # that they agree on
    n_votes: int | None
    is_disputed: bool | None
    period_days: float | None  # that those agree on who voted for the class
    period_err: float | None  # days


UNSEEN = Opinion(None, None, None, None, None)
