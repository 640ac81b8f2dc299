"""manage.py process_exposure: exposures reduced, measured and searched for variables."""

import sys
from argparse import BooleanOptionalAction
from collections import Counter
from getpass import getuser
from pathlib import Path

from django.core.management.base import CommandError

from exposures.made_from import has_same_files, replacement_text
from exposures.management.arguments import ccd_numbers
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import GAIN, READ_NOISE, SATURATION, WORKERS
from exposures.models import GalExposure, GalImage
from galproject.configuration.loading import load_options
from galproject.management.chip_results import ChipResultsCommand
from galproject.processing.chip_result import Outcome
from galproject.processing.cutouts import draw_cutouts
from galproject.processing.result_lines import note_lines, result_line
from galproject.queue.asking import ask, ask_failed, enqueue_failed
from galproject.queue.pooled import draw_cutouts_in_processes
from galproject.queue.runs import prepare, run_chips, run_jobs
from photometry.models import GalCoverage, GalReference


class Command(ChipResultsCommand):
    help = (
        "Process exposures: DECam InstCal triplets (name any of the three files) or FITS images "
        "with a WCS. Each chip gets a line; in brackets are the steps that fell back, explained "
        "at the end. Chips whose result stands are left as they are, so that a run that was "
        "interrupted goes on where it stopped. The exit status is 1 if a file could not be used "
        "or a chip failed."
    )

    def add_arguments(self, parser):
        parser.add_argument("paths", nargs="*", metavar="PATH")
        parser.add_argument(
            "--reference",
            action="store_true",
            help="make the exposures references: find all sources on them",
        )
        parser.add_argument(
            "--ccds",
            nargs="+",
            type=ccd_numbers,
            metavar="N",
            help="chips, such as 1-3,31 (default: all)",
        )
        parser.add_argument(
            "--workers", type=WORKERS, default=1, help="number of processes (default 1)"
        )
        parser.add_argument(
            "--catalogue",
            help="astrometric catalogue: a folder of HEALPix tiles or one file",
        )
        parser.add_argument(
            "--new-sources",
            action=BooleanOptionalAction,
            default=None,
            help="search for stars missing on the reference, or don't (new_sources.search)",
        )
        plain = parser.add_argument_group("plain FITS images whose headers don't say")
        plain.add_argument("--gain", type=GAIN, help="gain of a plain image, e-/ADU")
        plain.add_argument("--read-noise", type=READ_NOISE, help="read noise of a plain image, e-")
        plain.add_argument("--saturation", type=SATURATION, help="saturation of a plain image, ADU")
        parser.add_argument("--again", action="store_true", help="process finished chips again")
        parser.add_argument(
            "--no-pictures",
            action="store_false",
            dest="pictures",
            help="don't render cutouts of candidates; manage.py render_pictures can do it later",
        )
        parser.add_argument(
            "--failed",
            action="store_true",
            help="run again what failed or was interrupted, with the options it was asked for, and "
            "nothing else: of the exposures named, or of all",
        )
        parser.add_argument(
            "--queue", action="store_true", help="enqueue the chips for the workers"
        )

    def handle(self, *, paths, reference, ccds, catalogue, queue, **given):
        if not paths and not given["failed"]:
            raise CommandError("Name the files to process, or give --failed")
        known = {name: given[name] for name in ("gain", "read_noise", "saturation")}
        # Part of what was done to a chip, so alike from whatever folder this is run.
        catalogue = catalogue and str(Path(catalogue).absolute())
        ccds = set().union(*ccds) if ccds else None
        with plain_errors():
            search = {"search": given["new_sources"]}
            options = load_options(input=known, catalogue=catalogue, new_sources=search)
            plan = prepare(paths, options, is_reference=reference, ccds=ccds)
            for error in plan.errors:
                self.stderr.write(str(error))
            images = GalImage.objects.all()
            if paths:
                images = images.filter(pk__in=plan.image_ids)
                if not given["again"]:
                    self.warn_of_references(images)
            if queue:
                self.put_on_queue(images, options, plan.errors, **given)
                results = []
            else:
                results = self.process(images, options, plan.errors, **given)
            if given["pictures"]:
                self.draw([result.image_id for result in results], given["workers"])
        if plan.errors or any(result.failed for result in results):
            sys.exit(1)

    def warn_of_references(self, images):
        """Warn of references whose files changed, and which stay so that their sources keep ids."""
        stale = {}
        for image in images.references().done().select_related("exposure"):
            if not has_same_files(image, remember=True):
                told = f"{image.exposure} (reference): {replacement_text(image)}"
                stale.setdefault(told, []).append(image.chip_name)
        for told, names in stale.items():
            which = ", ".join(names) if len(names) <= 6 else f"{len(names)} chips"
            self.stderr.write(
                f"{told}. Left as it was made: {which}. --again makes it anew, which gives its "
                "sources new ids and has the search images measured again"
            )

    def put_on_queue(self, images, options, errors, *, failed, again, **_):
        """Ask the workers for chips, and report the jobs."""
        if failed:
            asked = ask_failed(images, requested_by=getuser())
        else:
            asked = ask(images, options, again, requested_by=getuser())
        self.report_asked(asked, errors)

    def report_asked(self, jobs, errors=()):
        """Report the jobs that workers were asked for, and how to follow them."""
        total = 0
        exposures = GalExposure.objects.in_bulk({job.exposure_id for job in jobs})
        for job in jobs:
            n_chips = len(job.asked or ())
            self.stdout.write(f"{exposures[job.exposure_id]}: {n_chips} chips asked for")
            total += n_chips
        unusable = f", {len(errors)} files not usable" if errors else ""
        follow = (
            " A worker puts on the queue what is to be done; follow it: manage.py working_status "
            "--follow"
        )
        self.stdout.write(
            f"{total} chips of {len(exposures)} exposures for the workers{unusable}."
            f"{follow if total else ''}"
        )

    def process(self, images, options, errors, *, failed, again, workers, **_):
        """Process chips here and report them; returns the results."""
        if failed:
            enqueued = enqueue_failed(images, queued=False, requested_by=getuser())
            total = sum(job.images.count() for job in enqueued)
            results = run_jobs(enqueued, workers)
        else:
            total = len(images)
            results = run_chips([image.pk for image in images], options, workers, again)
        results = list(self.follow(results, total))
        self.summarise(results, errors)
        return results

    def draw(self, image_ids, workers):
        """Render the cutouts of the candidates on these images."""
        covered = GalCoverage.objects.filter(image__in=image_ids, catalogue__active=True)
        catalogues = GalReference.objects.filter(pk__in=covered.values("catalogue"))
        if workers > 1:
            drawn = draw_cutouts_in_processes(catalogues, workers)
        else:
            drawn = draw_cutouts(catalogues)
        if drawn.n_tiles:
            self.stdout.write(str(drawn))
        for problem in drawn.problems:
            self.stderr.write(problem)

    def lines_of(self, result):
        return [result_line(result)]

    def summarise(self, results, errors):
        for line in note_lines(results):
            self.stdout.write(line)
        counts = Counter(str(result.status) for result in results)
        n_sources = sum(result.n_sources or 0 for result in results)
        n_variables = sum(result.n_variables or 0 for result in results)
        parts = [f"{counts[k]} {k}" for k in Outcome.values if counts[k]]
        if errors:
            parts.append(f"{len(errors)} not usable")
        self.stdout.write(
            f"{len(results)} chips: {', '.join(parts) or 'none'}. "
            f"{n_sources:,} sources measured, {n_variables:,} variables."
        )
