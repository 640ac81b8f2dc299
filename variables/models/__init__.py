"""Changes, candidates for variable stars, and what people say about them."""

from variables.models.candidate_counts import CountedAs, GalCandidateCount
from variables.models.candidates import GalCandidate
from variables.models.change_positions import GalChangePosition
from variables.models.change_shapes import GalChangeShape
from variables.models.changes import Cut, GalVarObj
from variables.models.discussion import GalComment
from variables.models.flags import Artifact, GalFlag, GalFlagDecision
from variables.models.labels import GalFavourite, GalTag, GalTagging
from variables.models.learning import GalScore, GalScoreRun, InjectedExamples, LearntModel
from variables.models.model_checks import ModelCheck
from variables.models.new_sources import GalLostSource, GalNewDetection, GalNewSource
from variables.models.notices import GalNotice, GalNoticeChoice, NoticeKind
from variables.models.periods import GalPeriod, GalPeriodRun, PeriodAlias
from variables.models.planes import GalBinnedStatistic, GalPublishedDiagram, StarList
from variables.models.searches import ListColumns, SavedSearch
from variables.models.successions import GalSuccession
from variables.models.taxonomy import Taxonomy, TaxonomyClass
from variables.models.unblindings import GalUnblinding
from variables.models.uploads import UploadedList
from variables.models.variability import (
    GalTrend,
    GalTrendStar,
    GalVariability,
    GalVariabilityRun,
    VariabilityFlag,
)
from variables.models.vetting import Campaign, CampaignObject, GalDecision
from variables.models.watches import CandidateBefore, FeedKey, GalWatch, GalWatchNews

__all__ = [
    "Artifact",
    "Campaign",
    "CampaignObject",
    "CandidateBefore",
    "CountedAs",
    "Cut",
    "FeedKey",
    "GalBinnedStatistic",
    "GalCandidate",
    "GalCandidateCount",
    "GalChangePosition",
    "GalChangeShape",
    "GalComment",
    "GalDecision",
    "GalFavourite",
    "GalFlag",
    "GalFlagDecision",
    "GalLostSource",
    "GalNewDetection",
    "GalNewSource",
    "GalNotice",
    "GalNoticeChoice",
    "GalPeriod",
    "GalPeriodRun",
    "GalPublishedDiagram",
    "GalScore",
    "GalScoreRun",
    "GalSuccession",
    "GalTag",
    "GalTagging",
    "GalTrend",
    "GalTrendStar",
    "GalUnblinding",
    "GalVarObj",
    "GalVariability",
    "GalVariabilityRun",
    "GalWatch",
    "GalWatchNews",
    "InjectedExamples",
    "LearntModel",
    "ListColumns",
    "ModelCheck",
    "NoticeKind",
    "PeriodAlias",
    "SavedSearch",
    "StarList",
    "Taxonomy",
    "TaxonomyClass",
    "UploadedList",
    "VariabilityFlag",
]
