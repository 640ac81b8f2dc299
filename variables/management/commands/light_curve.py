"""manage.py light_curve: what was measured at a position, as a table, a picture or CSV."""

from math import isfinite

from django.core.management.base import CommandError

from exposures.errors import GalprojectError
from exposures.management.arguments import let_declinations_be_negative
from exposures.management.base import SurveyCommand
from exposures.management.numbers import Number
from exposures.science.positions import read_position
from exposures.tables import write_csv
from variables.light_curves.detrending import detrended
from variables.light_curves.light_curves import light_curve_rows, light_curves_at, plot_light_curves


class Command(SurveyCommand):
    help = "Light curves of the reference sources at a position, in all filters, nearest first."

    def create_parser(self, *args, **kwargs):
        return let_declinations_be_negative(super().create_parser(*args, **kwargs))

    def add_arguments(self, parser):
        parser.add_argument(
            "ra", metavar="RA", help="right ascension in degrees, or sexagesimal hours: 17:45:40"
        )
        parser.add_argument(
            "dec", metavar="DEC", help="declination in degrees, or sexagesimal: -29:00:28"
        )
        parser.add_argument(
            "--radius",
            type=Number(1e-3, 3600),
            default=1.0,
            metavar="ARCSEC",
            help="radius in arcsec (default 1)",
        )
        parser.add_argument(
            "--detrended",
            action="store_true",
            help="without the trends that the stars of a reference share",
        )
        parser.add_argument("--plot", metavar="FILE.png", help="plot the light curves to a file")
        parser.add_argument(
            "--csv",
            nargs="?",
            const="-",
            metavar="FILE",
            help="write CSV to FILE, or to standard output",
        )

    def handle(self, *, ra, dec, radius, plot, csv, **options):
        try:
            curves = curves_of_position(ra, dec, radius)
            if options["detrended"]:
                curves = [detrended(curve) for curve in curves]
            if csv:
                write_csv(light_curve_rows(curves), csv, self.stdout.data)
            if plot:
                draw(curves, plot)
        except GalprojectError as error:
            raise CommandError(str(error)) from error
        if not csv:
            for line in light_curve_table(curves):
                self.stdout.write(line)
        if plot and csv != "-":
            self.stdout.write(f"Drawn to {plot}")


def curves_of_position(ra, dec, radius_arcsec):
    """Light curves at a position given as text; GalprojectError where there is none."""
    ra_degrees, dec_degrees = read_position(f"{ra} {dec}")
    if not 0 < radius_arcsec <= 3600:
        raise GalprojectError(f"--radius {radius_arcsec:g}: give up to 3600 arcsec, more than 0")
    curves = light_curves_at(ra_degrees, dec_degrees, radius_arcsec)
    if not curves:
        raise GalprojectError(
            f"no reference source within {radius_arcsec:g} arcsec of RA {ra_degrees:.5f} "
            f"Dec {dec_degrees:+.5f} degrees. Widen the search with --radius, or process a "
            "reference image of this field (process_exposure --reference)"
        )
    return curves


def draw(curves, path):
    """Draw light curves to a file; GalprojectError if it can't be written or is no picture's."""
    try:
        plot_light_curves(curves, path)
    except (OSError, ValueError) as error:  # ValueError: a suffix that is no picture's
        raise GalprojectError(f"{path} can't be drawn: {error}") from error


def light_curve_table(curves):
    """Lines of text for each source and its measurements: R for reference, V for variable."""
    for c in curves:
        yield (
            f"source {c.refsource_id}  {c.filter}  RA {c.ra:.6f}  Dec {c.dec:+.6f}  "
            f"{c.distance_arcsec:.2f} arcsec away  detected at {len(c)} of {c.n_epochs} epochs  "
            f"median {c.median_mag:.3f} mag{'  detrended' if c.is_detrended else ''}"
        )
        yield f"  {'BJD (TDB)':>15}  {'MJD (UTC)':>13}  {'mag':>7}  {'error':>6}  {'rchi2':>6}"
        lines = [*detections(c), *non_detections(c)]
        yield from (line for _, line in sorted(lines))


def detections(c):
    """(MJD, line) of each measurement."""
    columns = (c.mjd, c.bjd_tdb, c.mag, c.mag_err, c.rchi2, c.is_reference, c.is_variable)
    for mjd, bjd, mag, error, rchi2, reference, variable in zip(*columns, strict=True):
        marks = f"{'  R' if reference else ''}{'  V' if variable else ''}"
        line = f"  {bjd:15.6f}  {mjd:13.6f}  {mag:7.3f}  {error:6.3f}  {rchi2:6.2f}{marks}"
        yield mjd, line


def non_detections(c):
    """(MJD, line) of each epoch at which it was looked for and not detected."""
    columns = (c.missed.mjd, c.missed.bjd_tdb, c.missed.limit_mag, c.missed.is_variable)
    for mjd, bjd, limit, vanished in zip(*columns, strict=True):
        known = f"> {limit:5.2f}" if isfinite(limit) else ""
        said = "vanished" if vanished else "not detected" if known else "too few usable pixels"
        line = f"  {bjd:15.6f}  {mjd:13.6f}  {known:>7}  {said:<14}{'  V' if vanished else ''}"
        yield mjd, line.rstrip()
