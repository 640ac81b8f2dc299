"""manage.py reference_set: images averaged for the magnitudes of reference sources."""

from getpass import getuser

from tqdm import tqdm

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from galproject.references import sets


class Command(SurveyCommand):
    help = (
        "Reference sets: search exposures that say together with their reference, the primary, "
        "how bright its sources are. With two members or more, a source that the primary has "
        "wrong is told, and variables are selected against the others. No image is fitted again. "
        "EXPOSURE is an EXPNUM or a file's stem."
    )

    def add_arguments(self, parser):
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="list the sets")
        listing.add_argument("--filter", metavar="NAME", help="sets in this filter")
        for name, text in (
            ("add", "add all chips of exposures to the sets of the references they lie on"),
            ("remove", "take all chips of exposures out of sets"),
        ):
            change = actions.add_parser(name, help=text)
            change.add_argument("members", nargs="+", metavar="EXPOSURE")
            change.add_argument(
                "--primary", metavar="EXPOSURE", help="sets of this reference exposure"
            )
            change.add_argument("--reason", default="", help="reason, for the log")
        for name, text in (
            ("update", "make the sets of references anew, with the options of now"),
            ("suggest", "which exposures would do best in the sets of references"),
        ):
            of_primary = actions.add_parser(name, help=text)
            of_primary.add_argument("primaries", nargs="+", metavar="EXPOSURE")

    def handle(self, *, action, **given):
        with plain_errors():
            if action in ("add", "remove"):
                self.change(action == "add", **given)
            else:
                getattr(self, action)(**given)

    def list(self, *, filter, **_):
        found = sets.summaries(filter)
        for one in found:
            self.stdout.write(
                f"{one.primary}: {one.n_chips} chips, {one.n_sources:,} sources by several "
                f"images, {one.n_at_fault:,} at fault on the primary"
            )
            for member in one.members:
                seeing = f'{member.fwhm_arcsec:.2f}"' if member.fwhm_arcsec else "-"
                self.stdout.write(
                    f"  {member.exposure}: {member.n_chips} chips  {seeing}  "
                    f"{member.n_at_fault:,} at fault  added by {member.added_by}"
                )
        if not found:
            self.stdout.write("There is no reference set. manage.py reference_set add makes one.")

    def change(self, is_added, *, members, primary, reason, **_):
        primary = find_exposures([primary])[0] if primary else None
        find = sets.possible_pairs if is_added else sets.pairs_now
        found = find(find_exposures(members), primary)
        with tqdm(total=sum(p.n_images for p in found), unit="image", disable=None) as bar:
            for pairs in found:
                renewals = sets.change_sets(pairs, is_added, getuser(), reason, bar)
                names = ", ".join(map(str, pairs.members))
                what = "added to" if is_added else "removed from"
                self.report(f"{names} {what} the set of {pairs.primary}", renewals)
        self.stdout.write("manage.py render_pictures draws the cutouts of new candidates.")

    def update(self, *, primaries, **_):
        for primary in find_exposures(primaries):
            self.report(f"Set of {primary}", sets.update_set(primary))

    def report(self, what, renewals):
        n_sources, n_at_fault, n_images = (
            sum(getattr(renewal, name) for renewal in renewals)
            for name in ("n_sources", "n_at_fault", "n_images")
        )
        self.stdout.write(
            f"{what}: {len(renewals)} chips, {n_sources:,} sources by several images, "
            f"{n_at_fault:,} at fault on the primary; variables selected anew on {n_images} images"
        )

    def suggest(self, *, primaries, **_):
        for primary in find_exposures(primaries):
            self.stdout.write(f"{primary}, best first:")
            for quality in sets.possible_members(primary)[: sets.N_SUGGESTED + 3]:
                self.stdout.write(
                    f'  {quality.exposure}: {quality.fwhm_arcsec:.2f}", {quality.n_done} chips, '
                    f"5 sigma at {quality.depth:.2f} mag"
                )
