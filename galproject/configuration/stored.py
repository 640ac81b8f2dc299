"""The options that rows were made with, each set read once in a process."""

from functools import lru_cache
from uuid import UUID

from exposures.option_sets import GalOptionSet, WithOptions
from galproject.configuration.loading import options_from_json
from galproject.configuration.pipeline_options import PipelineOptions

N_KEPT = 256  # sets, of some 50 kB


def options_of(row: WithOptions) -> PipelineOptions:
    """The options stored with a row; the defaults if it has none.

    Raises GalprojectError if they are no longer valid.
    """
    return options_from_json({}) if row.option_set_id is None else options_of_set(row.option_set_id)


@lru_cache(maxsize=N_KEPT)
def options_of_set(hash: UUID) -> PipelineOptions:
    """The options of a set; what it has is told by its hash, so that it never changes.

    Raises GalprojectError if they are no longer valid.
    """
    return options_from_json(GalOptionSet.objects.get(pk=hash).options)
