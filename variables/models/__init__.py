"""What changed, what may be a variable star, and what people say of it."""

from variables.models.candidates import GalCandidate, SavedSearch
from variables.models.changes import Cut, GalVarObj
from variables.models.flags import Artifact, GalFlag, GalFlagDecision
from variables.models.successions import GalSuccession
from variables.models.vetting import (
    Campaign,
    CampaignObject,
    GalDecision,
    Taxonomy,
    TaxonomyClass,
)

__all__ = [
    "Artifact",
    "Campaign",
    "CampaignObject",
    "Cut",
    "GalCandidate",
    "GalDecision",
    "GalFlag",
    "GalFlagDecision",
    "GalSuccession",
    "GalVarObj",
    "SavedSearch",
    "Taxonomy",
    "TaxonomyClass",
]
