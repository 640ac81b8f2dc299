"""The machine code of a chip, which processes have that are forked after it was loaded.

Each would else load it for itself, or where no process has kept it on disk yet compile it, which
takes as long as some ten small chips.
"""

import gc
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scratch import manage, manage_here

from exposures.catalogues import open_catalogue
from exposures.fits import read_chip, read_exposure
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from photometry.reduction.displacements import measured_displacements
from photometry.reduction.image_quality import reference_figures, search_figures
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.references.motions import reference_motions
from photometry.references.reference import measure_reference
from variables.new_sources.detection import find_new_detections

NIGHT = SimulationOptions(
    n_epochs=1, n_chips=1, chip_shape=(256, 256), stars_per_chip=40_000, compress=False
)


def load_machine_code():
    """Measure a small simulated reference and a search image in memory.

    What is loaded now lives as long as the process, and is not searched for garbage.
    """
    gc.disable()
    _measure()
    gc.freeze()
    gc.enable()


def commands_and_workers(quick, workers):
    """How commands are run, and by how many workers: quickly by this process alone."""
    if not quick:
        return manage, workers
    load_machine_code()
    return manage_here, 1


def _measure():
    options = PipelineOptions()
    with TemporaryDirectory(prefix="galproject-machine-code-") as folder:
        night = simulate_night(Path(folder) / "night", NIGHT)
        catalogue = open_catalogue(night.catalogue)
        reference, search = (
            _reduced(path, catalogue, detection, options.reduction)
            for path, detection in (
                (night.reference, options.reduction.reference_detection),
                (night.searches[0], options.reduction.search_detection),
            )
        )
    judged = options.quality.measure, options.reduction.clean
    sources = measure_reference(reference, options.reduction)
    sources["galimage_id"], sources["refsource_id"] = 1, np.arange(len(sources))
    reference_figures(reference, sources, *judged)
    reference_motions(reference, sources, options.reduction)
    measurement = measure_search(search, sources, options.reduction)
    measured_displacements(search, measurement, options.reduction)
    search_figures(search, measurement, *judged)
    find_new_detections(search, measurement, [], options.reduction)


def _reduced(path, catalogue, detection, options):
    facts = read_exposure(path)
    return reduce_chip(read_chip(facts, facts.chips[0]), facts, catalogue, detection, options)
