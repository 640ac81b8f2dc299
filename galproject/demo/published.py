"""Published catalogues of a made-up sky, loaded from their files and matched."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from exposures.published.definitions import known_definitions
from exposures.published.footprints import ALL_SKY
from exposures.published.loading import LoadOptions, LoadReport, load_catalogue
from exposures.simulation.published import STATED_DEPTH
from galproject.processing.calibration import calibrate_matched, uncalibrated_references
from galproject.processing.matches import (
    match_references,
    references_in_use,
    unmatched_references,
)


def load_published(files: Mapping[str, Iterable[Path]]) -> list[LoadReport]:
    """Load the files of each catalogue as load_catalogue does; nothing where that is done."""
    definitions = known_definitions()
    return [
        load_catalogue(definitions[name], list(paths), _options(name))
        for name, paths in files.items()
    ]


def _options(name):
    if name not in STATED_DEPTH:
        return LoadOptions()
    return LoadOptions(footprint=ALL_SKY, depth=STATED_DEPTH[name])


def match_published() -> int:
    """Match all references that are to be, and calibrate their fields; how many were matched."""
    todo = unmatched_references(references_in_use())
    for _ in match_references(todo):
        pass
    for reference_id in uncalibrated_references():
        calibrate_matched(reference_id)
    return len(todo)
