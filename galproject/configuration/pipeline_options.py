"""Every option of the pipeline in one frozen object, stored with what it produced."""

import json
from dataclasses import asdict, dataclass

from exposures.catalogues import CatalogueCuts, open_catalogue
from exposures.fits import FileOptions, InputOptions
from exposures.published.astrometric import StarCatalogues
from exposures.science.barycentre import ObservatoryOptions
from exposures.science.quantities import Name, Options
from galproject.configuration.field_options import FieldOptions
from galproject.configuration.ranking import RankingOptions
from photometry.reduction.options import ReductionOptions
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.science.matching.options import MatchingOptions
from photometry.science.quality.image_quality import QualityOptions
from photometry.science.stacking.reference_mean import ReferenceSetOptions
from photometry.science.stacking.stacking import StackOptions
from variables.drafts.options import DraftOptions
from variables.science.artifacts import ArtifactOptions
from variables.science.causes import CauseOptions
from variables.science.changed_star import ChangedStarOptions
from variables.science.consensus import ConsensusOptions
from variables.science.difference import MatchOptions
from variables.science.learning.options import LearningOptions
from variables.science.new_sources import NewSourceOptions
from variables.science.period_options import PeriodOptions
from variables.science.selection import SelectionOptions
from variables.science.variability.options import VariabilityOptions

# What is derived from stored rows, and needs no pixel: it goes by the options in force whenever it
# is derived, and their change makes no chip's result out of date. So do the limits of files, which
# are those of whoever reads one.
DERIVED_LATER = (
    *("reference_sets", "stack", "crossmatch", "causes", "artifacts", "consensus"),
    *("ranking", "fields", "pictures", "changed_star", "periods", "variability", "files"),
    *("observatory", "absolute", "drafts", "matching", "learning"),
)

# Sections that had another name: whoever still uses it is told, and stored options are read.
FORMER_SECTIONS = {"join": "crossmatch"}


@dataclass(frozen=True)
class PipelineOptions(Options):
    """All options of the pipeline."""

    files: FileOptions = FileOptions()
    input: InputOptions = InputOptions()
    catalogue_cuts: CatalogueCuts = CatalogueCuts()
    reduction: ReductionOptions = ReductionOptions()
    selection: SelectionOptions = SelectionOptions()
    quality: QualityOptions = QualityOptions()
    reference_sets: ReferenceSetOptions = ReferenceSetOptions()
    stack: StackOptions = StackOptions()
    new_sources: NewSourceOptions = NewSourceOptions()
    crossmatch: CrossMatchOptions = CrossMatchOptions()
    matching: MatchingOptions = MatchingOptions()
    absolute: AbsoluteOptions = AbsoluteOptions()
    observatory: ObservatoryOptions = ObservatoryOptions()
    periods: PeriodOptions = PeriodOptions()
    variability: VariabilityOptions = VariabilityOptions()
    causes: CauseOptions = CauseOptions()
    artifacts: ArtifactOptions = ArtifactOptions()
    consensus: ConsensusOptions = ConsensusOptions()
    learning: LearningOptions = LearningOptions()
    ranking: RankingOptions = RankingOptions()
    fields: FieldOptions = FieldOptions()
    pictures: MatchOptions = MatchOptions()
    changed_star: ChangedStarOptions = ChangedStarOptions()
    drafts: DraftOptions = DraftOptions()
    catalogue: Name = ""
    """Folder of HEALPix tiles, or one file, of a catalogue of stars. Where tiles are missing or it
    has no star on a chip, and where it is "", the astrometric catalogues in the database take its
    place; without them the header's WCS stands."""

    def as_json(self) -> dict:
        """The options as JSON values, equal to those that the database returns."""
        return json.loads(json.dumps(asdict(self)))

    def of_stacks(self) -> dict:
        """The options that affect a stack, as JSON values."""
        names = ("input", "catalogue", "catalogue_cuts", "reduction", "stack")
        return {name: self.as_json()[name] for name in names}

    def opened_catalogue(self) -> StarCatalogues:
        """Open the catalogue that is named, and those in the database where it has no stars.

        Raises InputFileError if one is named and missing.
        """
        cuts, path = self.catalogue_cuts, self.catalogue
        return StarCatalogues(open_catalogue(path, cuts) if path else None, cuts)
