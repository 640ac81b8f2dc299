"""The demonstration: a simulated night processed and compared with its truth."""

from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.utils.crypto import get_random_string

from exposures.simulation import SimulationOptions, read_truth, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.validation.recovery import Recovery, assess, best_variable
from variables.light_curves.light_curves import light_curves_at, plot_light_curves

# Two neighbouring chips, small enough for a coffee break, as crowded as a bulge field.
NIGHT = SimulationOptions(
    seed=1, n_epochs=6, n_chips=2, chip_shape=(1024, 1024), stars_per_chip=20_000, n_novae=4
)
USER = "demo"


@dataclass(frozen=True)
class Files:
    """Paths of the simulated night."""

    reference: Path
    searches: tuple[Path, ...]
    catalogue: Path
    truth: Path
    published: dict[str, tuple[Path, ...]]  # of published catalogues, by their names


def prepare_night(folder: Path, progress=None) -> Files:
    """The simulated night in ``folder``, made if it isn't there yet."""
    night = simulate_night(folder, NIGHT, progress)
    return Files(night.reference, night.searches, night.catalogue, night.truth, night.published)


def options_for(files: Files) -> PipelineOptions:
    """Default options with the catalogue of the simulated sky."""
    return PipelineOptions(catalogue=str(files.catalogue))


def compare_with_simulation(files: Files) -> Recovery:
    """Compare the database with the simulation."""
    return assess(read_truth(files.truth))


def report(recovery: Recovery) -> str:
    """The figures of a Recovery, one line each."""
    r = recovery
    return "\n".join(
        [
            f"  measurements of reference sources      {r.n_measurements:,}",
            f"  variables that changed by 20 sigma     {r.n_expected}",
            f"    of these found                       {r.n_found} ({r.completeness:.1%})",
            f"  false variables                        {r.n_false} "
            f"({r.false_per_10k:.2f} in 10,000 measurements)",
            f"  at artifacts of the reference          {r.n_artifact}",
            f"  errors: sigma of constant stars' pulls {r.pull_mad:.2f}",
            f"  chip-wide correction, rms error        {1000 * r.flat_rms_mag:.1f} mmag",
            f"  astrometry of bright stars, rms        {r.astrometry_mas:.1f} mas",
            f"  forced positions, rms                  {r.registration_mas:.1f} mas",
        ]
    )


def plot_best(files: Files, path: Path):
    """Plot the light curve of the variable detected most often; its position, or None."""
    position = best_variable(read_truth(files.truth))
    if position is None:
        return None
    plot_light_curves(light_curves_at(*position, 1.0), path)
    return position


def demo_user():
    """A superuser for the demonstration, and the password if it was made just now."""
    users = get_user_model().objects
    if known := users.filter(is_superuser=True, is_active=True).order_by("pk").first():
        return known, None
    password = get_random_string(16)
    return users.create_superuser(USER, password=password), password
