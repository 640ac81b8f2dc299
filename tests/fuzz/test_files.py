"""Damaged files: each ends with one clear error or a plausible result, and never stops the others.

Each case damages one file of a small simulated triplet, or the catalogue, and gives it to the
pipeline in a process of its own. With the other tests most are only read; ``make fuzz`` processes
all of them and holds what comes out against what the undamaged files give.
"""

import logging
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from django.db import connections, transaction

from exposures.catalogues import open_catalogue
from exposures.errors import GalprojectError
from exposures.fits import read_chip, read_exposure
from exposures.models import GalImage
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.queue.runs import prepare, run_chips
from photometry.models import GalSource
from tests.builders.processed_night import remove_survey
from tests.fuzz import CASES, ONLY, SEED, case_numbers, damage
from tests.fuzz.children import (
    CLEAR,
    GOOD,
    IMPLAUSIBLE,
    PLAUSIBLE,
    TRACEBACK,
    UNKNOWABLE,
    VERDICTS,
    Verdict,
    tried,
)
from variables.models import GalVarObj

NIGHT = SimulationOptions(
    seed=5,
    n_epochs=1,
    n_chips=1,
    chip_shape=(300, 280),
    variable_fraction=0.05,
    n_reference_artifacts=2,
    compress=False,
)
FEW, WHOLE_OF_FEW = 100, 25  # with the other tests: cases, of which one in so many is processed
KINDS = ("i", "w", "d", "catalogue")
# What may differ from the result of the undamaged files, where nothing says that it is doubtful.
MORE_CHANGES, CHANGED_MAG, FEWER_SOURCES = 3, 0.05, 0.5
BRIGHTEST = 0.25  # of the stars, whose magnitudes are compared


@dataclass(frozen=True)
class Base:
    """Undamaged files, and what they give."""

    folder: Path  # of the variants, each with a triplet
    reference: Path
    catalogue: Path
    scratch: Path  # of what cases make


@dataclass(frozen=True)
class Case:
    """One damaged file."""

    number: int
    variant: str  # "plain", "compressed"; with "-sums", where the files have their checksums
    kind: str  # of KINDS
    damage: object

    @classmethod
    def of(cls, number):
        """The case of that number; and a generator, for the rest of what is left to chance."""
        rng = np.random.default_rng([SEED, number])
        variant = ("plain", "compressed")[rng.integers(2)] + ("", "-sums")[rng.integers(2)]
        kind = KINDS[rng.choice(4, p=[0.55, 0.2, 0.2, 0.05])]
        harm = damage.chosen(rng)
        if kind == "catalogue" and harm in damage.OF_TRIPLETS:
            harm = damage.hostile_structure
        return cls(number, variant, kind, harm), rng

    def __str__(self):
        return f"case {self.number}: {self.damage.__name__} of {self.kind}, {self.variant}"

    @property
    def is_whole(self):
        """Whether it goes through the whole pipeline."""
        return bool(CASES or ONLY) or self.number % WHOLE_OF_FEW == 0

    @property
    def is_unknowable(self):
        """Whether no reader could tell: other values of pixels, in a file without sums."""
        return self.damage in damage.OF_PIXELS and not self.variant.endswith("-sums")


def write_variant(folder, image, is_compressed, has_sums):
    """A copy of a triplet, compressed or not, with or without the sums of its HDUs."""
    folder.mkdir(parents=True)
    for kind in "iwd":
        path = image.with_name(image.name.replace("_ooi_", f"_oo{kind}_"))
        with fits.open(path, memmap=False) as hdus:
            made = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
            for hdu in hdus[1:]:
                how = {"quantize_method": 2, "dither_seed": 1} if kind != "d" else {}
                make = fits.CompImageHDU if is_compressed else fits.ImageHDU
                made.append(make(hdu.data, hdu.header, **(how if is_compressed else {})))
            made.writeto(folder / path.name, checksum=has_sums or "remove")


@pytest.fixture(scope="module")
def base(tmp_path_factory, django_db_setup, django_db_blocker):
    """A small night, whose reference is in the database."""
    folder = tmp_path_factory.mktemp("fuzz")
    night = simulate_night(folder / "night", NIGHT)
    for is_compressed in (False, True):
        for has_sums in (False, True):
            name = ("compressed" if is_compressed else "plain") + "-sums" * has_sums
            write_variant(folder / name, night.searches[0], is_compressed, has_sums)
    made = Base(folder, night.reference, night.catalogue, folder / "scratch")
    made.scratch.mkdir()
    logging.disable(logging.CRITICAL)
    with django_db_blocker.unblock():
        connections.close_all()  # a forked child must not have this process' session
        verdict = tried(_process_reference, made, log=folder / "log")
        assert verdict.kind == PLAUSIBLE, verdict.text
        yield made
        logging.disable(logging.NOTSET)
        remove_survey()
        connections.close_all()


def _process_reference(made):
    plan = prepare([made.reference], _options(made.catalogue), is_reference=True)
    (result,) = run_chips(plan.image_ids, _options(made.catalogue))
    return Verdict(IMPLAUSIBLE if result.failed else PLAUSIBLE, result.error)


def _options(catalogue):
    return PipelineOptions(catalogue=str(catalogue))


def try_case(case, rng, base, expected):
    """The Verdict of a case."""
    folder = base.scratch / f"{case.number}"
    shutil.copytree(base.folder / case.variant, folder)
    image = next(folder.glob("*_ooi_*"))
    catalogue = base.catalogue
    if case.kind == "catalogue":
        catalogue = folder / "gaia"
        shutil.copytree(base.catalogue, catalogue)
        path = sorted(catalogue.iterdir(), key=lambda p: p.stat().st_size)[-1]
    else:
        path = image.with_name(image.name.replace("_ooi_", f"_oo{case.kind}_"))
    case.damage(rng, path)
    names = {p.stem.split(".")[0] for p in folder.rglob("*")} | {f" {image.stem}"}
    try:
        if case.is_whole:
            verdict = _processed(image, catalogue, names, expected)
        else:
            verdict = _read(image, catalogue, names)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if verdict.kind == IMPLAUSIBLE and case.is_unknowable:
        return replace(verdict, kind=UNKNOWABLE)
    return verdict


def _read(image, catalogue, names):
    """What reading alone gives."""
    try:
        facts = read_exposure(image)
        for entry in facts.chips:
            read_chip(facts, entry)
        reader = open_catalogue(catalogue)
        reader.stars(facts.ra, facts.dec, 0.2, facts.mjd, facts.filter)
    except GalprojectError as error:
        return _of_error(str(error), names)
    return Verdict(PLAUSIBLE, "read")


def _of_error(text, names):
    if "unexpected" in text or "\n" in text:
        return Verdict(TRACEBACK, text)
    is_named = any(name in text for name in names)
    return Verdict(CLEAR if is_named else TRACEBACK, text if is_named else f"no name: {text}")


def _processed(image, catalogue, names, expected):
    """What the pipeline makes of it; the tables stay as they are."""
    with transaction.atomic():
        plan = prepare([image], _options(catalogue))
        texts = [str(error) for error in plan.errors]
        results = list(run_chips(plan.image_ids, _options(catalogue)))
        texts += [result.error for result in results if result.failed]
        done = [_outcome(result.image_id) for result in results if not result.failed]
        transaction.set_rollback(True)
    verdicts = [_of_error(text, names) for text in texts]
    verdicts += [_compared(outcome, expected) for outcome in done]
    return max(verdicts, key=lambda v: VERDICTS.index(v.kind))


def _outcome(image_id):
    image = GalImage.objects.get(pk=image_id)
    rows = GalSource.objects.measured_on(image).values_list("refsource_id", "mag", "mag_err")
    changed = GalVarObj.objects.accepted().filter(image=image)
    return {
        "is_doubted": image.is_doubted,
        "masked": image.masked_fraction,
        "mags": {key: (mag, error) for key, mag, error in rows},
        "changed": set(changed.values_list("refsource_id", flat=True)),
    }


def _compared(found, expected):
    """Whether a result is within reach of what the undamaged files give, or says that it is not."""
    if expected is None or found["is_doubted"]:
        return Verdict(PLAUSIBLE, "doubted" * bool(found["is_doubted"]))
    more = found["changed"] - expected["changed"]
    limit = np.quantile([error for _, error in expected["mags"].values()], BRIGHTEST)
    bright = {key for key, (_, error) in expected["mags"].items() if error <= limit}
    common = bright & set(found["mags"])
    off = [abs(found["mags"][k][0] - expected["mags"][k][0]) for k in common]
    problems = []
    if len(more) > MORE_CHANGES:
        problems.append(f"{len(more)} more changes")
    if not off or np.median(off) > CHANGED_MAG:
        problems.append(f"magnitudes are off by {np.median(off) if off else np.nan:.3f}")
    free = (1 - found["masked"]) / (1 - expected["masked"])
    if len(found["mags"]) < FEWER_SOURCES * free * len(expected["mags"]):
        problems.append(f"{len(found['mags'])} sources of {len(expected['mags'])}")
    return Verdict(IMPLAUSIBLE if problems else PLAUSIBLE, "; ".join(problems))


def undamaged(base, variant):
    """What comes of files to which nothing is done."""
    image = next((base.folder / variant).glob("*_ooi_*"))
    with transaction.atomic():
        plan = prepare([image], _options(base.catalogue))
        (result,) = run_chips(plan.image_ids, _options(base.catalogue))
        assert not result.failed, result.error
        outcome = _outcome(result.image_id)
        transaction.set_rollback(True)
    return Verdict(PLAUSIBLE, "", outcome)


@pytest.mark.django_db(transaction=True)
def test_damaged_files_end_with_a_clear_error_or_a_plausible_result(base, capsys):
    log, verdicts, bad = base.folder / "log", Counter(), []
    expected = {
        variant: tried(undamaged, base, f"{variant}-sums", log=log).found
        for variant in ("plain", "compressed")
    }
    assert all(len(outcome["mags"]) > 60 for outcome in expected.values())
    by_damage = defaultdict(Counter)
    for number in case_numbers(FEW):
        case, rng = Case.of(number)
        expect = expected[case.variant.removesuffix("-sums")]
        verdict = tried(try_case, case, rng, base, expect, log=log)
        if "Traceback" in log.read_text() and verdict.kind in GOOD:
            verdict = Verdict(TRACEBACK, log.read_text())
        verdicts[verdict.kind] += 1
        by_damage[case.damage.__name__][verdict.kind] += 1
        said = f"{case}: {verdict.kind}: {verdict.text}"
        if verdict.kind not in GOOD:
            bad.append(said)
        if ONLY or (CASES and bad[-1:] == [said]):
            with capsys.disabled():
                print(said, flush=True)
    if CASES:
        with capsys.disabled():
            print(_table(by_damage, verdicts))
    assert bad == []


def _table(by_damage, verdicts):
    """The verdicts, of each damage and of all, as lines."""
    lines = [f"seed {SEED}".ljust(20) + "".join(f"{v:>27s}" for v in VERDICTS)]
    for name, counts in [*sorted(by_damage.items()), ("all", verdicts)]:
        lines.append(name.ljust(20) + "".join(f"{counts[v]:27d}" for v in VERDICTS))
    return "\n".join(lines)
