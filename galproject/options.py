"""Every option of the pipeline in one frozen object, stored with what it produced."""

import json
from dataclasses import asdict, dataclass

from exposures.fits import InputOptions
from exposures.science.quantities import Name
from photometry.options import ReductionOptions
from photometry.science.joining import JoinOptions
from photometry.science.reference_mean import ReferenceSetOptions
from photometry.science.stacking import StackOptions
from variables.science.new_sources import NewSourceOptions
from variables.science.periods import PeriodOptions
from variables.science.selection import SelectionOptions


@dataclass(frozen=True)
class PipelineOptions:
    """Options of reading, reducing and selecting."""

    input: InputOptions = InputOptions()
    reduction: ReductionOptions = ReductionOptions()
    selection: SelectionOptions = SelectionOptions()
    reference_sets: ReferenceSetOptions = ReferenceSetOptions()
    stack: StackOptions = StackOptions()
    new_sources: NewSourceOptions = NewSourceOptions()
    join: JoinOptions = JoinOptions()
    periods: PeriodOptions = PeriodOptions()
    catalogue: Name = ""  # folder of HEALPix tiles, or one file; "": the header's WCS stands

    def as_json(self) -> dict:
        """Plain values, equal to what the database gives back."""
        return json.loads(json.dumps(asdict(self)))
