"""manage.py cluster_sources: partitions of galsources rewritten in the order of light curves."""

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import ROW_ID, Number
from photometry.storage.clustering import order_of, partitions, rewrite


class Command(SurveyCommand):
    help = (
        "Rewrite partitions of galsources so that each light curve lies in one place, while they "
        "are read and written. Those in order already are left, so that a run that was "
        "interrupted goes on where it stopped. Each takes as much free disk as it has, for a while."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--catalogue",
            type=ROW_ID,
            nargs="+",
            metavar="ID",
            help="catalogues with these ids (default: all)",
        )
        parser.add_argument(
            "--exposure", nargs="+", metavar="NAME", help="catalogues made from these exposures"
        )
        parser.add_argument("--filter", help="catalogues in this filter")
        parser.add_argument(
            "--disorder",
            type=Number(0, 1e6),
            default=2.0,
            help="rewrite those of which a light curve takes more than so many times the pages "
            "that it would in order (default %(default)s)",
        )
        parser.add_argument(
            "--timeout",
            type=Number(0, 86_400),
            default=600.0,
            metavar="SECONDS",
            help="time to wait for others' transactions (default %(default)g)",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="report the order of partitions, and rewrite nothing",
        )

    def handle(self, *, catalogue, exposure, filter, disorder, timeout, dry_run, **_):
        with plain_errors():
            orders = [order_of(one) for one in partitions(catalogue, exposure, filter)]
            if not orders:
                raise CommandError("No catalogue is like that")
            todo = [order for order in orders if order.disorder > disorder]
            if dry_run:
                for order in orders:
                    self.stdout.write(f"{order_text(order)}{' *' if order in todo else ''}")
                self.stdout.write(f"{len(todo)} of {len(orders)} would be rewritten (*).")
                return
            n_rewritten = self.rewrite(todo, timeout)
        self.stdout.write(
            f"{n_rewritten} of {len(orders)} partitions rewritten; "
            f"{len(orders) - len(todo)} were in order."
        )

    def rewrite(self, orders, timeout):
        """Rewrite partitions one by one with a line each; returns how many."""
        n_rewritten = 0
        total = sum(order.n_rows for order in orders)
        with tqdm(total=total, unit="row", unit_scale=True, disable=None) as bar:
            for order in orders:
                done = rewrite(order.reference, timeout, bar)
                n_rewritten += done is not None
                with bar.external_write_mode(file=self.stdout.stream):
                    self.stdout.write(rewrite_text(order, done))
        return n_rewritten


def order_text(order):
    """A line about the order of a partition on disk."""
    return (
        f"{order.reference.partition}: {order.n_rows:,} rows, {order.n_bytes / 1e9:.2f} GB, "
        f"{order.pages:.1f} pages a light curve, {order.pages_in_order:.1f} in order"
    )


def rewrite_text(order, done):
    """A line about what was done to a partition."""
    if done is None:
        return f"{order.reference.partition}: left, as another process rewrites it or it is gone"
    return (
        f"{order.reference.partition}: {order.n_rows:,} rows in {done.seconds:.0f} s, "
        f"{done.before.pages:.1f} to {done.after.pages:.1f} pages a light curve, "
        f"{done.before.n_bytes / 1e9:.2f} to {done.after.n_bytes / 1e9:.2f} GB, "
        f"readers held up for {done.lock_ms:.0f} ms at most"
    )
