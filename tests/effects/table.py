"""The table of options and what each changes.

Whoever adds an option adds a line here: another value of it, and a result (a function of the
modules beside this one, or a new one there) that is another with it. Options that only matter
together with others name those.
"""

from tests.effects import arrays, bright_stars, chips, files, motions, quality, rows
from tests.effects.effect import Effect, changes

SKY = {
    "tiles_y": changes(arrays.sky, 2),
    "tiles_x": changes(arrays.sky, 2),
    "min_tile_side_pixels": changes(arrays.sky, 150),
    "min_tile_pixels": changes(arrays.sky, 400),
    "upper_cut_sigma": changes(arrays.sky, 1.0),
    "lower_cut_sigma": changes(arrays.sky, 2.0),
    "cut_rounds": changes(arrays.sky, 1),
    "bin_width": changes(arrays.sky, 0.3),
    "max_steps": changes(arrays.sky, 1),
    "noise_tolerance": changes(arrays.sky, 0.3),
    "passes": changes(arrays.sky, 1),
    "outlier_mad": changes(arrays.sky, 1.0),
    "outlier_min_sigma": changes(arrays.sky, 3.0, outlier_mad=0.5),
    "coarse_step": changes(arrays.coarse_sky, 1.0),
    "count_step": changes(arrays.coarse_sky, 1.0),
    "min_good_fraction": changes(arrays.sky, 1.0),
}
PSF = {
    "n_stars": changes(chips.reference, 12),
    "min_stars_linear": changes(chips.reference, 500),
    "min_stars_core": changes(chips.reference, 500),
    "core_pixels": changes(chips.reference, 9),
    "core_fwhm": changes(chips.reference, 1.0, core_pixels=9),
    "beta": changes(chips.reference, 2.0, max_steps=1),
    "max_wing": changes(chips.reference, 0.2),
    "max_steps": changes(chips.reference, 1),
    "model_error": changes(chips.reference, 0.2),
    "default_fwhm_pixels": changes(chips.poor, 7.0),
    "candidates_a_star": changes(chips.reference, 1, n_stars=12),
    "max_missing": changes(chips.reference, 0.0),
    "min_share": changes(chips.reference, 0.95),
    "min_signal": changes(chips.reference, 60.0),
    "max_offset_pixels": changes(chips.reference, 0.01),
    "loss_sigma": changes(chips.reference, 0.5),
    "clip_sigma": changes(chips.reference, 1.0),
    "star_clips": changes(chips.reference, 1, star_deviation=1.5),
    "star_deviation": changes(chips.reference, 1.5),
    "seeing_sigma": changes(chips.poor, 5.0, min_seeing=1),
    "n_seeing": changes(chips.seeing, 1),
    "min_seeing": changes(chips.reference, 1000),
}


def _search_of(result, new_pixels=8.0):
    """What a search for sources goes by besides how far it goes."""
    return {
        "whole_iterations": changes(result, 1),
        "smooth_sky_fwhm": changes(result, 5.0),
        "whole_blend": changes(result, 0.1),
        "blend": changes(result, 5.0, whole_iterations=1),
        "new_pixels": changes(result, new_pixels),
        "max_step_pixels": changes(result, 0.01),
        "wing_sigma": changes(result, 3.0),
        "min_half_pixels": changes(result, 20),
        "max_half_pixels": changes(result, 9),
    }


REFERENCE_DETECTION = _search_of(chips.reference) | {
    "threshold": changes(chips.reference, 12.0),
    "min_iterations": changes(chips.reference, 1),
    "max_iterations": changes(chips.reference, 4, few_new=1),
    "few_new": changes(chips.reference, 1),
    "max_sources": changes(chips.reference, 20),
    "n_sweeps": changes(chips.reference, 1),
    "sky_box_pixels": changes(chips.reference, 60),
}
SEARCH_DETECTION = _search_of(chips.search, new_pixels=60.0) | {
    "threshold": changes(chips.search, 25.0),
    "min_iterations": changes(chips.search, 1),
    "max_iterations": changes(chips.search, 3, few_new=1, min_iterations=3),
    "few_new": changes(chips.search, 1, min_iterations=1),
    "max_sources": changes(chips.search, 5),
    "n_sweeps": changes(chips.search, 1),
    "sky_box_pixels": changes(chips.search, 60),
}


def _astrometry(many, few, far, turned):
    return {
        "search_pixels": changes(many, 5.0),
        "shift_sigma": changes(many, 1000.0),
        "match_pixels": changes(many, 0.5),
        "min_matches": changes(few, 60),
        "max_order": changes(many, 1),
        "stars_per_term": changes(few, 1),
        "n_sigma": changes(many, 1.5),
        "n_clips": changes(many, 1),
        "search_arcsec": changes(far, 20.0),
        "search_stars": changes(far, 3),
        "max_distortion": changes(turned, 1e-4),
        "tested_stars": changes(far, 20),
        "min_share": changes(far, 0.99),
        "max_difference": changes(far, 0.01),
    }


REFRACTION = {"min_stars": changes(motions.refracted, 10)}
MOTIONS = {
    "use": changes(motions.positions, False),
    "match_pixels": changes(motions.positions, 0.3),
    "max_error": changes(motions.positions, 1.0),
    "min_stars": changes(motions.positions, 5, match_pixels=0.3),
    "min_significance": changes(chips.displacements, 100.0),
    "position_error": changes(motions.measured, 40.0),
    "min_images": changes(motions.measured, 9),
    "min_sigma": changes(motions.measured, 8.0),
    "min_speed": changes(motions.measured, 25.0),
}
FORCED = {
    "n_rounds": changes(chips.forced, 2),
    "sky_level_pixels": changes(chips.forced, 40),
    "sky_pixels": changes(chips.forced, 70),
    "n_neighbours": changes(chips.forced, 1),
    "wing_sigma": changes(chips.forced, 3.0),
    "min_half_fwhm": changes(chips.forced, 4.0),
    "max_half_pixels": changes(chips.forced, 8),
    "masked_factor": changes(chips.forced, 100.0),
    "min_box_pixels": changes(chips.forced, 1000, sky_pixels=30),
    "max_shift_pixels": changes(chips.forced, 0.001),
    "shift_model_error": changes(chips.forced, 0.5),
    "shift_outlier_sigma": changes(chips.forced, 1.0),
    "shift_tolerance_pixels": changes(chips.forced, 0.4),
    "sharp_excess": changes(chips.forced, 0.0, sharp_sigma=0.5),
    "sharp_sigma": changes(chips.forced, 0.5, sharp_excess=0.0),
    "merge_pixels": changes(chips.forced, 4.0),
}
RESIDUAL = {
    "threshold": changes(chips.unlisted, 20.0),
    "model_error": changes(chips.unlisted, 0.2),
    "wing_error": changes(chips.unlisted, 0.3),
    "core_fwhm": changes(chips.unlisted, 2.0),
    "wing_fwhm": changes(chips.unlisted, 6.0),
    "wing_pixels": changes(chips.unlisted, 4),
    "pixel_error": changes(chips.unlisted, 0.0),
    "min_separation": changes(chips.unlisted, 5.0),
    "min_displacement": changes(arrays.cuts_of_new_stars, 0.3),
    "max_peaks": changes(chips.unlisted, 2),
    "edge_pixels": changes(chips.unlisted, 40.0),
    "peak_part": changes(chips.unlisted, 1.0),
    "kernel_fwhm": changes(chips.unlisted, 0.5),
    "fit_fwhm": changes(chips.unlisted, 1.0),
    "max_move_pixels": changes(chips.unlisted, 0.1),
    "merge_pixels": changes(chips.unlisted, 60.0),
    "max_rchi2": changes(chips.unlisted, 0.9),
    "min_quality": changes(chips.unlisted, 1.0),
    "saturated_pixels": changes(arrays.cuts_of_new_stars, 60.0),
}
CLEAN = {
    "min_quality": changes(chips.search, 0.999),
    "min_fracflux": changes(chips.search, 0.999),
    "allowed_flags": changes(chips.search, 255),
}
CALIBRATION = {
    "order": changes(arrays.magnitude_correction, 1),
    "stars_per_term": changes(arrays.magnitude_correction, 200),
    "max_stars_error": changes(chips.forced, 0.01),
    "n_sigma": changes(arrays.magnitude_correction, 1.5),
    "n_clips": changes(arrays.magnitude_correction, 1),
    "error_floor": changes(arrays.errors, 0.03),
    "start_sigma": changes(arrays.magnitude_correction, 1.0, n_clips=1, start_mag=0.0),
    "start_mag": changes(arrays.magnitude_correction, 2.0, n_clips=1),
    "min_stars_offset": changes(arrays.magnitude_correction, 20),
    "min_stars_zero_point": changes(arrays.zero_point, 5),
    "min_stars_scale": changes(arrays.magnitude_correction, 50),
}
ERRORS = {
    "by_star": changes(chips.forced, False),
    "min_stars": changes(arrays.errors, 5_000),
    "bin_stars": changes(arrays.errors, 1_000),
    "bins": changes(arrays.errors, 1),
    "least_bin_stars": changes(arrays.errors, 40),
    "shrinkage": changes(arrays.errors, 500),
    "max_fit_stars": changes(arrays.errors, 100),
    "halo": changes(arrays.errors, 0.5),
}
LOCAL_ZERO_POINT = {
    "smallest_pixels": changes(arrays.local_zero_point, 90),
    "widths": changes(arrays.local_zero_point, 0),
    "min_stars": changes(arrays.local_zero_point, 200),
    "folds": changes(arrays.local_zero_point, 1),
    "judges": changes(arrays.local_zero_point, 0.01),
    "min_gain": changes(arrays.local_zero_point, 100.0),
    "max_share": changes(arrays.local_zero_point, 0.001),
    "n_sigma": changes(arrays.local_zero_point, 1.0),
}
BRIGHT_STARS = {
    "mask": changes(bright_stars.flagged, False),
    "min_saturated_pixels": changes(bright_stars.flagged, 1000),
    "max_stars": changes(bright_stars.flagged, 1),
    "inner_fwhm": changes(bright_stars.flagged, 8.0),
    "wing_sigma": changes(bright_stars.flagged, 200.0),
    "wing_share": changes(bright_stars.flagged, 0.5),
    "trail_sigma": changes(bright_stars.flagged, 1000.0),
}
REDUCTION = {
    "min_significance": changes(chips.search, 60.0),
    "detections_per_star": changes(chips.reference, 0.5),
    "zero_point_pixels": changes(chips.reference, 0.02),
    "default_zero_point": changes(chips.poor, 20.0),
    "edge_pixels": changes(chips.forced, 30.0),
    "min_quality": changes(chips.reference, 0.9),
    "limit_sigma": changes(rows.upper_limit, 3.0),
}
SELECTION = {
    "threshold_sigma": changes(arrays.selected, 30.0),
    "in_flux": changes(arrays.selected, False),
    "max_rchi2_ratio": changes(arrays.selected, 1.5, max_misfit=0.01),
    "max_misfit": changes(arrays.selected, 0.02),
    "min_quality": changes(arrays.selected, 0.9),
    "min_fracflux": changes(arrays.selected, 0.5),
    "max_fracflux": changes(arrays.selected, 0.9),
    "saturated_pixels": changes(arrays.selected, 40.0),
    "edge_pixels": changes(arrays.selected, 40.0),
    "pair_fwhm": changes(arrays.selected, 2.0),
    "min_sum_share": changes(arrays.selected, 1.0, pair_fwhm=2.0),
    "faint_sigma": changes(arrays.selected, 20.0, in_flux=False),
    "usual_bins": changes(arrays.selected, 2, max_misfit=0.001, max_rchi2_ratio=1.5),
    "usual_bin_sources": changes(arrays.selected, 400, max_misfit=0.001, max_rchi2_ratio=1.5),
}
REFERENCE_SETS = {
    "min_quality": changes(rows.set_means, 0.9),
    "agree_sigma": changes(arrays.means, 2.0),
    "agree_mag": changes(arrays.means, 0.2),
    "fault_sigma": changes(arrays.means, 6.0),
    "min_witnesses": changes(arrays.means, 4),
    "error_floor": changes(arrays.means, 0.1),
}
CLIPS_MUCH = {"clip_sigma": 0.5, "grow_sigma": 0.5, "clip_fraction": 0.0, "neighbour_fraction": 0.0}
STACK = {
    "min_frames": changes(chips.stacked, 4),
    "min_overlap": changes(chips.stack_inputs, 0.99),
    "clip_sigma": changes(arrays.clipped, 200.0),
    "grow_sigma": changes(arrays.clipped, 0.1),
    "clip_fraction": changes(arrays.clipped, 0.0),
    "neighbour_fraction": changes(arrays.clipped, 0.0),
    "grow_pixels": changes(arrays.clipped, 3),
    "tile_pixels": changes(arrays.clipped, 60),
    "min_stars": changes(chips.stacked, 1000),
    "agree_sigma": changes(arrays.homogenised, 200.0),
    "agree_fraction": changes(arrays.homogenised, 0.9),
    "min_quality": changes(chips.stacked, 1.0),
    "min_votes": changes(arrays.homogenised, 2),
    "max_rchi2": changes(arrays.homogenised, 0.1, max_misfit=0.001),
    "max_misfit": changes(arrays.homogenised, 0.001),
    "widening": changes(arrays.clipped, 0.05, clip_fraction=0.0, neighbour_fraction=0.0),
    "bad_part": changes(arrays.resampled, 0.5),
    "bright_sigma": changes(chips.stacked, 500.0, **CLIPS_MUCH),
    "doubtful_fraction": changes(chips.stacked, 1.0, **CLIPS_MUCH),
}
NEW_SOURCES = {
    "search": changes(rows.processed, True),
    "radius_arcsec": changes(rows.new_sources, 0.1),
    "follow_arcsec": changes(rows.followers, 0.1),
    "min_days": changes(rows.new_sources, 0.01),
}
CROSSMATCH = {
    "sigmas": changes(arrays.crossmatched, 0.5, min_radius_arcsec=0.01),
    "crowding": changes(arrays.crossmatched, 0.5, min_radius_arcsec=0.01),
    "min_radius_arcsec": changes(arrays.crossmatched, 0.05),
    "max_radius_arcsec": changes(arrays.crossmatched, 0.1),
    "blend_fwhm": changes(arrays.crossmatched, 0.3),
    "blend_blur": changes(arrays.crossmatched, 0.4),
    "blend_share": changes(arrays.crossmatched, 0.5),
    "blend_probability": changes(arrays.crossmatched, 0.2),
    "doubtful_probability": changes(arrays.crossmatched, 0.5),
    "colour_scatter": changes(arrays.crossmatched, 2.0),
    "faintest": changes(arrays.crossmatched, 0.9),
    "outliers": changes(arrays.crossmatched, 1.0),
    "missed": changes(arrays.crossmatched, 1.0),
    "place_error_arcsec": changes(arrays.crossmatched, 0.5),
    "max_extent_arcsec": changes(arrays.crossmatched, 0.3),
}
CAUSES = {
    "reference_fraction": changes(rows.causes, 0.6),
    "reference_epochs": changes(rows.causes, 20),
    "reference_scatter": changes(rows.causes, 0.8),
    "detector_pixels": changes(rows.causes, 0.2),
    "detector_sources": changes(rows.causes, 10),
    "edge_pixels": changes(rows.causes, 5.0),
    "crowd": changes(rows.causes, 5),
    "high_motion": changes(motions.fast_star, 70.0),
    "motion_sigma": changes(motions.fast_star, 40.0),
}
ARTIFACTS = {
    "link_pixels": changes(arrays.artifacts, 3.0),
    "min_changes": changes(rows.proposals, 20),
    "trail_ratio": changes(arrays.artifacts, 50.0),
    "margin_pixels": changes(rows.proposals, 20.0),
    "edge_pixels": changes(arrays.artifacts, 5.0),
    "edge_excess": changes(arrays.artifacts, 1000.0),
    "defect_pixels": changes(arrays.artifacts, 0.1),
    "defect_days": changes(rows.proposals, 3.0),
    "min_exposures": changes(rows.proposals, 20),
    "apart_pixels": changes(arrays.artifacts, 100.0),
    "defect_excess": changes(arrays.artifacts, 1e5),
    "nearly_all": changes(arrays.artifacts, 0.4),
    "min_images": changes(arrays.artifacts, 2),
    "steadiness": changes(arrays.artifacts, 1.0),
}
PERIODS = {
    "min_days": changes(arrays.periods, 0.5),
    "min_epochs": changes(arrays.periods, 100),
    "min_epochs_a_filter": changes(arrays.periods, 1),
    "n_periods": changes(arrays.periods, 2),
    "samples_per_peak": changes(arrays.periods, 2),
    "max_harmonics": changes(arrays.periods, 1),
    "epochs_a_term": changes(arrays.periods, 20),
    "n_shuffles": changes(arrays.periods_of_few, 7, max_false_alarm=1.0),
    "max_false_alarm": changes(arrays.periods, 0.0),
}
PICTURES = {
    "narrow_pixels": changes(chips.pictures, 0.4),
    "middle_pixels": changes(chips.pictures, 1.0),
    "wide_pixels": changes(chips.pictures, 2.0),
    "degree": changes(chips.pictures, 0),
    "clip_sigma": changes(chips.pictures, 2.0),
    "n_clips": changes(chips.pictures, 1),
    "core_pixels": changes(chips.pictures, 20.0),
    "core_fwhm": changes(chips.pictures, 6.0),
    "prior_share": changes(chips.pictures, 100.0),
    "min_pixels": changes(chips.pictures, 100_000),
    "n_stars": changes(chips.pictures, 3),
    "star_fracflux": changes(chips.pictures, 0.99),
    "max_star_misfit": changes(chips.pictures, 1.0),
}
INPUT = {
    "gain": changes(arrays.plain_image, 3.0, filter="r"),
    "read_noise": changes(arrays.plain_image, 5.0, gain=2.0),
    "saturation": changes(arrays.plain_image, 900.0),
    "filter": changes(arrays.nameless_image, "r", exposure_seconds=30.0),
    "exposure_seconds": changes(arrays.nameless_image, 30.0, filter="r"),
    "pipeline_version": changes(arrays.versionless_image, "V4.8.2"),
    "same_centre_arcsec": changes(rows.entered_twice, 1.0),
    "linear_fraction": changes(arrays.plain_image, 0.8, pile_up_pixels=5),
    "pile_up_pixels": changes(arrays.plain_image, 5),
    "noise_tolerance": changes(arrays.noisy_image, 1.05),
}
LIMITS = {
    "range_sigma": changes(arrays.impossible, 1e4, sharp_ratio=1e9, saturation_ratio=1e9),
    "dark_sigma": changes(arrays.impossible, 1000.0),
    "sharp_sigma": changes(arrays.impossible, 1e7, saturation_ratio=1e9),
    "sharp_ratio": changes(arrays.impossible, 1e9, saturation_ratio=1e9),
    "saturation_ratio": changes(arrays.impossible, 1e9),
    "weight_ratio": changes(arrays.impossible, 10.0),
}
HEADER = {
    "first_mjd": changes(arrays.header_values, 40_000.0),
    "days_ahead": changes(arrays.header_values, 5.0),
    "min_exposure_seconds": changes(arrays.header_values, 1.0),
    "max_exposure_seconds": changes(arrays.header_values, 100.0),
    "min_gain": changes(arrays.header_values, 1.0),
    "max_gain": changes(arrays.header_values, 10.0),
    "max_read_noise": changes(arrays.header_values, 50.0),
    "max_saturation": changes(arrays.header_values, 1e5),
    "min_zero_point": changes(arrays.header_values, 15.0),
    "max_zero_point": changes(arrays.header_values, 35.0),
    "min_scale": changes(arrays.header_values, 0.1),
    "max_scale": changes(arrays.header_values, 10.0),
    "min_fwhm": changes(arrays.header_values, 1.0),
    "max_fwhm": changes(arrays.header_values, 20.0),
}
CATALOGUE_CUTS = {
    "max_excess_noise": changes(arrays.catalogue, 1.0),
    "min_excess_noise_significance": changes(arrays.catalogue, 4.0),
    "unknown_motion": changes(arrays.catalogue, 50.0),
    "default_epoch": changes(arrays.catalogue, 1990.0),
    "margin_arcsec": changes(arrays.catalogue, 0.5),
}
TRAILS = {
    "search": changes(chips.with_trail, False),
    "bin_pixels": changes(arrays.trails, 8),
    "smooth_pixels": changes(arrays.trails, 24.0),
    "min_sigma": changes(arrays.trails, 60.0),
    "min_total_sigma": changes(arrays.trails, 600.0),
    "brightest_pieces": changes(arrays.trails, 0.9),
    "piece_pixels": changes(arrays.trails, 24),
    "lit_sigma": changes(arrays.trails, 60.0),
    "min_lit": changes(arrays.trails, 0.95),
    "min_pixels": changes(arrays.trails, 690.0),
    "min_elongation": changes(arrays.trails, 1000.0),
    "max_gap_pixels": changes(arrays.trails, 20.0),
    "min_width": changes(arrays.trails, 3.0),
    "max_width_pixels": changes(arrays.trails, 12.0),
    "model_error": changes(arrays.trails, 0.9),
    "saturated_pixels": changes(arrays.trails, 0.0),
    "max_trails": changes(arrays.trails, 1),
    "wing_sigma": changes(arrays.trails, 1.0),
}
FILES = {
    "max_pixels": changes(files.whole_file, 100),
    "max_bytes": changes(files.whole_file, 2880),
    "max_hdus": changes(files.edited_file, 1),
    "max_cards": changes(files.edited_file, 10),
    "checksums": changes(files.edited_file, "data"),
}
BY_SECTION = {
    "": {"catalogue": changes(chips.without_catalogue, lambda: str(chips.night().catalogue))},
    "files": FILES,
    "input": INPUT,
    "input.limits": LIMITS,
    "input.header": HEADER,
    "catalogue_cuts": CATALOGUE_CUTS,
    "reduction": REDUCTION,
    "reduction.sky": SKY | quality.SKY_STEPS,
    "reduction.psf": PSF,
    "reduction.reference_detection": REFERENCE_DETECTION,
    "reduction.search_detection": SEARCH_DETECTION,
    "reduction.catalogue_astrometry": _astrometry(
        arrays.catalogue_match,
        arrays.few_catalogue_matches,
        arrays.far_from_the_catalogue,
        arrays.turned_to_the_catalogue,
    ),
    "reduction.registration": _astrometry(
        arrays.registration,
        arrays.few_registered,
        arrays.far_from_the_reference,
        arrays.turned_to_the_reference,
    ),
    "reduction.refraction": REFRACTION,
    "reduction.motions": MOTIONS,
    "reduction.forced": FORCED,
    "reduction.residual": RESIDUAL,
    "reduction.trails": TRAILS,
    "reduction.clean": CLEAN,
    "reduction.calibration": CALIBRATION | quality.CALIBRATION_STEPS,
    "reduction.local_zero_point": LOCAL_ZERO_POINT,
    "reduction.errors": ERRORS,
    "reduction.bright_stars": BRIGHT_STARS,
    "selection": SELECTION,
    "quality": quality.QUALITY,
    "quality.measure": quality.MEASURE,
    "quality.doubt": quality.DOUBT,
    "quality.fail": quality.FAIL,
    "reference_sets": REFERENCE_SETS,
    "stack": STACK,
    "new_sources": NEW_SOURCES,
    "crossmatch": CROSSMATCH,
    "causes": CAUSES,
    "artifacts": ARTIFACTS,
    "consensus": {"majority": changes(arrays.consensus, 0.9)},
    "ranking": {
        "mag_per_arcsec": changes(rows.ranking, 0.1),
        "min_chips": changes(rows.ranking, 0.4),
    },
    "fields": {
        "reach_degrees": changes(rows.fields, 1.0),
        "same_degrees": changes(rows.fields, 0.1),
        "compared_degrees": changes(rows.fields, 1.5),
    },
    "pictures": PICTURES,
    "periods": PERIODS,
}
EFFECTS: dict[str, Effect] = {
    f"{section}.{name}".lstrip("."): effect
    for section, effects in BY_SECTION.items()
    for name, effect in effects.items()
}
