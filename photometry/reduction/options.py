"""All thresholds of the reduction in one frozen object, stored with the results."""

from dataclasses import dataclass

from exposures.science.astrometry import AstrometryOptions
from exposures.science.quantities import Fraction, Magnitude, Margin, Options, Pixels, Ratio, Sigma
from photometry.science.bright_stars.options import BrightStarOptions
from photometry.science.calibration.calibration import CalibrationOptions
from photometry.science.calibration.error_model import ErrorOptions
from photometry.science.calibration.local_zero_point import LocalOptions
from photometry.science.detection.clean import CleanOptions
from photometry.science.detection.detection import DetectionOptions
from photometry.science.detection.residual_options import ResidualOptions
from photometry.science.extended_sources import ExtendedOptions
from photometry.science.forced.forced import ForcedOptions
from photometry.science.guided.options import GuidedOptions
from photometry.science.motions import MotionOptions
from photometry.science.psf.psf import PsfOptions
from photometry.science.reference_sky import ReferenceSkyOptions
from photometry.science.refraction import RefractionOptions
from photometry.science.sky.sky import SkyOptions
from photometry.science.trails.options import TrailOptions


@dataclass(frozen=True)
class ReductionOptions(Options):
    """Options of each step from pixels to calibrated magnitudes."""

    sky: SkyOptions = SkyOptions()
    psf: PsfOptions = PsfOptions()
    reference_detection: DetectionOptions = DetectionOptions()
    """These are of a reference image, of which all sources are wanted."""
    search_detection: DetectionOptions = DetectionOptions(
        threshold=10.0, min_iterations=2, max_iterations=2, n_sweeps=2
    )
    """These are of a search image, whose own detections only calibrate it: the bright ones do, and
    quickly."""
    guided: GuidedOptions = GuidedOptions()
    catalogue_astrometry: AstrometryOptions = AstrometryOptions()
    """These match an image with the catalogue."""
    registration: AstrometryOptions = AstrometryOptions(max_order=3, match_pixels=1.5)
    """These match a search image with its reference."""
    refraction: RefractionOptions = RefractionOptions()
    motions: MotionOptions = MotionOptions()
    forced: ForcedOptions = ForcedOptions()
    reference_sky: ReferenceSkyOptions = ReferenceSkyOptions()
    residual: ResidualOptions = ResidualOptions()
    trails: TrailOptions = TrailOptions()
    clean: CleanOptions = CleanOptions()
    calibration: CalibrationOptions = CalibrationOptions()
    local_zero_point: LocalOptions = LocalOptions()
    errors: ErrorOptions = ErrorOptions()
    bright_stars: BrightStarOptions = BrightStarOptions()
    extended: ExtendedOptions = ExtendedOptions()
    min_significance: Sigma = 20.0
    """Least significance of sources that calibrate positions and zero point."""
    detections_per_star: Ratio = 2.0
    """Number of detections, the brightest, that are matched for each star of the catalogue: fainter
    ones match by chance."""
    zero_point_pixels: Pixels = 1.0
    """Radius of a match with the catalogue, for the zero point."""
    default_zero_point: Magnitude = 25.0
    """Zero point of 1 ADU where neither catalogue nor header tell."""
    edge_pixels: Margin = 1.0
    """Distance from the edge within which sources are not measured."""
    min_quality: Fraction = 0.1
    """Share of the PSF on usable pixels below which a source is unmeasured."""
    limit_sigma: Sigma = 5.0
    """Upper limit of a star that is not detected, in sigma of its own noise."""
