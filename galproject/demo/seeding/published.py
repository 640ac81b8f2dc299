"""Published catalogues of a made-up survey's stars, as files."""

from pathlib import Path

import numpy as np

from exposures.simulation.catalogue import write_catalogue
from exposures.simulation.options import SimulationOptions
from exposures.simulation.published import published_files, write_published
from galproject.demo.seeding.stars import make_exposures, make_patches

IDS_A_FIELD = 1_000_000  # stars; their numbers begin anew in each field


def write_published_sky(plan, folder: Path) -> dict[str, tuple[Path, ...]]:
    """Write what is published of the survey's stars into ``folder``; files by their catalogue."""
    stars = np.concatenate(list(_stars(plan)))
    tiles = folder / "catalogue"
    write_catalogue(tiles, stars, SimulationOptions(seed=plan.seed))
    write_published(folder, stars, plan.seed)
    return published_files(folder, tiles)


def _stars(plan):
    """The stars of each patch of the sky, all with numbers of their own."""
    numbers = {field.name: number for number, field in enumerate(plan.fields)}
    for patch in make_patches(plan, make_exposures(plan)):
        stars = patch.stars.copy()
        stars["star_id"] += IDS_A_FIELD * numbers[patch.field.name]
        yield stars
