"""Every threshold of the reduction, in one frozen object that is stored with what it produced."""

from dataclasses import dataclass

from exposures.science.astrometry import AstrometryOptions
from exposures.science.quantities import Fraction, Magnitude, Margin, Pixels, Ratio, Sigma
from photometry.science.calibration.calibration import CalibrationOptions
from photometry.science.detection.clean import CleanOptions
from photometry.science.detection.detection import DetectionOptions
from photometry.science.detection.residual_peaks import ResidualOptions
from photometry.science.forced.forced import ForcedOptions
from photometry.science.psf.psf import PsfOptions
from photometry.science.sky.sky import SkyOptions
from photometry.science.trails.trails import TrailOptions


@dataclass(frozen=True)
class ReductionOptions:
    """Options of each step from pixels to calibrated magnitudes."""

    sky: SkyOptions = SkyOptions()
    psf: PsfOptions = PsfOptions()
    reference_detection: DetectionOptions = DetectionOptions()  # All sources of a reference.
    # A search image's own detections only calibrate it: the bright ones do, and quickly.
    search_detection: DetectionOptions = DetectionOptions(
        threshold=10.0, min_iterations=2, max_iterations=2, n_sweeps=2
    )
    catalogue_astrometry: AstrometryOptions = AstrometryOptions()  # An image to the catalogue.
    # A search image to its reference.
    registration: AstrometryOptions = AstrometryOptions(max_order=3, match_pixels=1.5)
    forced: ForcedOptions = ForcedOptions()
    residual: ResidualOptions = ResidualOptions()
    trails: TrailOptions = TrailOptions()
    clean: CleanOptions = CleanOptions()
    calibration: CalibrationOptions = CalibrationOptions()
    # Least significance of sources that calibrate positions and zero point.
    min_significance: Sigma = 20.0
    # Detections matched for each star of the catalogue, the brightest: fainter ones match by
    # chance.
    detections_per_star: Ratio = 2.0
    zero_point_pixels: Pixels = 1.0  # radius of a match with the catalogue, for the zero point
    # Zero point of 1 ADU where neither catalogue nor header tell.
    default_zero_point: Magnitude = 25.0
    edge_pixels: Margin = 1.0  # sources nearer to the edge than this are not measured
    # Share of the PSF on usable pixels below which a source is unmeasured.
    min_quality: Fraction = 0.1
    # Upper limit of a star that is not detected, in sigma of its own noise.
    limit_sigma: Sigma = 5.0
