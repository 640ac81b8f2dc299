"""Candidates that artificial stars became, kept as examples for models to learn from."""

from dataclasses import dataclass

import numpy as np

from photometry.models import GalReference
from variables.learning.facts import read_facts
from variables.models import GalCandidate, InjectedExamples
from variables.science.learning.classifier import selected
from variables.science.learning.features import FEATURES, PIXEL_FEATURES, features_of
from variables.science.learning.trees import packed, unpacked


@dataclass(frozen=True)
class ArtificialCandidates:
    """Candidates that are artificial stars."""

    features: np.ndarray  # (n, n_features) in the units of FEATURES
    is_real: np.ndarray  # (n,) bool: it was put in with a changing magnitude

    def __len__(self) -> int:
        return len(self.is_real)


def no_candidates() -> ArtificialCandidates:
    """None at all."""
    return ArtificialCandidates(np.zeros((0, len(FEATURES)), "f4"), np.zeros(0, bool))


def joined(parts: list[ArtificialCandidates]) -> ArtificialCandidates:
    """Those of several parts."""
    every = [no_candidates(), *parts]
    return ArtificialCandidates(
        np.concatenate([one.features for one in every]),
        np.concatenate([one.is_real for one in every]),
    )


def artificial_candidates(refsource_ids: np.ndarray, varies: np.ndarray) -> ArtificialCandidates:
    """The candidates of this database that are artificial stars, by their sources (n,).

    A star that ``varies`` (n,) is real, and the change of one that does not is an artifact.
    """
    varying = dict(zip(refsource_ids.tolist(), varies.tolist(), strict=True))
    ids = GalCandidate.objects.filter(pk__in=list(varying)).order_by().values("catalogue")
    parts = []
    for catalogue in GalReference.objects.select_related("image").filter(pk__in=ids).order_by("pk"):
        facts = read_facts(catalogue)
        if facts is not None:
            known = facts.candidates["refsource_id"]
            rows = np.flatnonzero(np.isin(known, refsource_ids))
            is_real = np.array([varying[pk] for pk in known[rows].tolist()], bool)
            parts.append(ArtificialCandidates(features_of(facts)[rows], is_real))
    return joined(parts)


def keep_examples(found: ArtificialCandidates, reference: str, seed: int) -> None:
    """Store those of one injection, in place of what the same seed gave of this exposure before."""
    given = {
        "features": list(FEATURES),
        "n_real": int(found.is_real.sum()),
        "n_artifacts": int((~found.is_real).sum()),
        "data": packed({"features": found.features.astype("f4"), "is_real": found.is_real}),
    }
    InjectedExamples.objects.update_or_create(reference=reference, seed=seed, defaults=given)


def kept_examples() -> ArtificialCandidates:
    """All that are stored, but those of former versions whose features were others.

    Features of pixels, which no candidate needs to have, may be missing.
    """
    parts = []
    for one in InjectedExamples.objects.order_by("pk"):
        missing = [name for name in FEATURES if name not in one.features]
        if set(missing) <= set(PIXEL_FEATURES):
            arrays = unpacked(bytes(one.data))
            unknown = ((0, 0), (0, len(missing)))
            features = np.pad(arrays["features"], unknown, constant_values=np.nan)
            features = selected(features, [*one.features, *missing], FEATURES)
            parts.append(ArtificialCandidates(features, arrays["is_real"]))
    return joined(parts)
