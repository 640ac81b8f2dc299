"""Matches of reference sources with published catalogues, found where either is new."""

from collections.abc import Iterable, Iterator

from exposures.models import GalExposure, GalJob, GalPublishedCatalogue
from galproject.configuration.loading import load_options
from photometry.matching.matching import Evidence, Matcher
from photometry.models import GalMatchRun, GalReference
from variables.variability.evidence import evidence_digest, log_odds_of_variability


def matcher_in_force() -> Matcher:
    """The Matcher by the options in force, that knows of sources' variability."""
    options = load_options()
    known = Evidence(evidence_digest, log_odds_of_variability)
    return Matcher(options.matching, options.crossmatch, known)


def references_in_use(exposures: Iterable[GalExposure] | None = None) -> list[GalReference]:
    """Reference catalogues in use with their images: all, or those of some exposures."""
    references = GalReference.objects.filter(active=True).select_related("image__exposure")
    if exposures is not None:
        references = references.filter(image__exposure__in=list(exposures))
    return list(references.order_by("pk"))


def unmatched_references(
    references: Iterable[GalReference], names: Iterable[str] | None = None
) -> list[GalReference]:
    """Those of the references that are to be matched with a published catalogue in use."""
    matcher = matcher_in_force()
    return [reference for reference in references if matcher.unmatched(reference, names)]


def unmatched_references_of(job: GalJob) -> list[GalReference]:
    """References that a closed job made, and that are to be matched."""
    images = job.images.filter(is_reference=True)
    made = GalReference.objects.filter(active=True, image__in=images).select_related("image")
    return unmatched_references(made.order_by("pk"))


def match_sources(
    reference_id: int, names: Iterable[str] | None = None, again: bool = False
) -> list[GalMatchRun]:
    """Match a reference's sources with the published catalogues in use, or with some by name.

    Those that it is matched with as they are now are left out, unless ``again``. Empty where there
    is nothing to do, or the reference is gone.
    """
    references = GalReference.objects.filter(pk=reference_id, active=True).select_related("image")
    reference = references.first()
    if reference is None:
        return []
    return matcher_in_force().match(reference, names, again)


def match_references(
    references: Iterable[GalReference], names: Iterable[str] | None = None, again: bool = False
) -> Iterator[tuple[GalReference, list[GalMatchRun]]]:
    """Match the sources of references, one after the other, as ``match_sources``."""
    for reference in references:
        yield reference, match_sources(reference.pk, names, again)


def published_names() -> list[str]:
    """The names of the published catalogues in use."""
    in_use = GalPublishedCatalogue.objects.in_use().order_by("name")
    return list(in_use.values_list("name", flat=True))
