"""Results of the surroundings of saturated stars."""

from types import SimpleNamespace

from photometry.reduction.bright_stars import wing_flags
from tests.builders.saturated_field import FWHM, SaturatedField, grid_of_stars


def flagged(options):
    """The flags of stars round two saturated ones, the brighter of which has a bleed trail."""
    field = SaturatedField().add(100, 100, 3e7).add(200, 180, 1e7).add_trail(100, 100, 60, 400)
    image = field.image
    reduction = SimpleNamespace(
        chip=SimpleNamespace(mask=image.mask, weight=image.weight),
        data=image.data,
        fwhm_pixels=FWHM,
    )
    faint, bright = (grid_of_stars(flux, flux_err) for flux, flux_err in ((3e3, 90), (1e5, 300)))
    chosen = options.reduction.bright_stars
    return [wing_flags(reduction, stars, chosen).tolist() for stars in (faint, bright)]
