"""Options come from one place, are checked, and say what they are."""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from exposures.errors import GalprojectError
from galproject.configuration.descriptions import option_names, sections
from galproject.configuration.loading import PREFIX, load_options, options_from_json, read_file
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.site.checks import options_are_valid
from variables.science.selection import SelectionOptions

THRESHOLD = "GALPROJECT_OPTION_SELECTION__THRESHOLD_SIGMA"


@pytest.fixture(autouse=True)
def nothing_is_said(settings, monkeypatch):
    settings.GALPROJECT_OPTIONS = settings.GALPROJECT_CATALOGUE = ""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)


@pytest.fixture
def options_file(settings, tmp_path):
    """Write a text as the file of options."""
    path = tmp_path / "options.toml"

    def write(text):
        path.write_text(text)
        settings.GALPROJECT_OPTIONS = str(path)
        return path

    return write


def run(*words):
    out = io.StringIO()
    call_command("options", *words, stdout=out)
    return out.getvalue()


def every_option():
    return [option for section in sections() for option in section.options]


@pytest.mark.parametrize("option", every_option(), ids=lambda option: option.name)
def test_every_option_says_its_unit_and_its_meaning(option):
    assert option.unit
    assert len(option.meaning) > 4


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("selection.threshold_sigma", 15, "sigma"),
        ("reduction.calibration.error_floor", 0.003, "mag"),
        ("reduction.calibration.order", 4, "order"),
        ("reduction.sky.tiles_y", 20, "count"),
        ("reduction.sky.tiles_x", 10, "count"),
        ("reduction.sky.upper_cut_sigma", 1.5, "sigma"),
        ("reduction.forced.n_neighbours", 8, "count"),
        ("reduction.forced.merge_pixels", 1, "pixels"),
        ("reduction.reference_detection.max_sources", 320_000, "count"),
        ("selection.max_rchi2_ratio", 3, "ratio"),
    ],
)
def test_the_thresholds_of_the_design_are_options(name, value, unit):
    option = next(option for option in every_option() if option.name == name)
    assert (option.default, option.unit) == (value, unit)


def test_without_a_word_the_defaults_hold():
    assert load_options() == PipelineOptions()


def test_the_file_sets_options_and_the_environment_counts_more(options_file, monkeypatch):
    options_file("[selection]\nthreshold_sigma = 12\nedge_pixels = 5")
    assert load_options().selection == SelectionOptions(threshold_sigma=12, edge_pixels=5)
    monkeypatch.setenv(THRESHOLD, "11.5")
    assert load_options().selection == SelectionOptions(threshold_sigma=11.5, edge_pixels=5)


def test_the_command_counts_most(options_file):
    options_file("[input]\ngain = 2.0\nread_noise = 7")
    known = load_options(input={"gain": 4.0, "read_noise": None}).input
    assert (known.gain, known.read_noise) == (4.0, 7.0)


def test_a_catalogue_is_found_beside_the_file(options_file):
    path = options_file('catalogue = "gaia"')
    assert load_options().catalogue == str(path.parent / "gaia")


@pytest.mark.parametrize("said", ["gaia", "2024", '"gaia"'])
def test_a_catalogue_in_the_environment_is_the_same_from_everywhere(monkeypatch, tmp_path, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GALPROJECT_OPTION_CATALOGUE", said)
    assert load_options().catalogue == str(tmp_path / said.strip('"'))


def test_the_command_may_do_without_the_catalogue(monkeypatch):
    monkeypatch.setenv("GALPROJECT_OPTION_CATALOGUE", "gaia")
    assert load_options(catalogue="").catalogue == ""


def test_a_home_folder_is_one_in_a_file_too(options_file, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    options_file('catalogue = "~/gaia"')
    assert load_options().catalogue == str(tmp_path / "gaia")
    path = options_file('catalogue = "~nobody-of-this-name/gaia"')
    assert load_options().catalogue == str(path.parent / "~nobody-of-this-name/gaia")


def test_text_may_look_like_a_number_in_the_environment(monkeypatch):
    monkeypatch.setenv("GALPROJECT_OPTION_INPUT__FILTER", "5")
    assert load_options().input.filter == "5"


def test_margins_may_be_none(options_file):
    options_file("[selection]\nedge_pixels = 0\nsaturated_pixels = 0\nmin_fracflux = 0")
    selection = load_options().selection
    assert selection.edge_pixels == selection.saturated_pixels == selection.min_fracflux == 0


def test_an_editors_byte_order_mark_does_no_harm(options_file):
    options_file("\ufeff[selection]\nthreshold_sigma = 12")
    assert load_options().selection.threshold_sigma == 12


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (
            "[selection]\nthreshold_sigma = -3",
            ["threshold_sigma = -3", "at least 1e-06, at most 1e+09 (sigma)"],
        ),
        ("[selection]\ntreshold_sigma = 3", ["no such option", "mean selection.threshold_sigma?"]),
        ("[selection]\nthreshold_sigma = 'a'", ["selection.threshold_sigma = 'a'", "number"]),
        ("[input]\ngain = 0", ["input.gain = 0", "(e-/ADU)"]),
        ("[reduction.psf]\ncore_pixels = 4", ["reduction.psf.core_pixels = 4", "odd"]),
        ("[reduction.sky]\ntiles_x = 2.5", ["reduction.sky.tiles_x = 2.5", "integer"]),
        ("[selection]\nthreshold_sigma = true", ["threshold_sigma = True", "number"]),
        ("[selection]\nthreshold_sigma = '12'", ["threshold_sigma = '12'", "number"]),
        ("[selection]\nthreshold_sigma = nan", ["threshold_sigma = nan", "finite"]),
        ("[selection]\nthreshold_sigma = 2020-01-01", ["threshold_sigma = '2020-01-01'"]),
        ("[reduction.psf]\nbeta = 0.5", ["reduction.psf.beta = 0.5", "at least 1.5, at most 8"]),
        ("[reduction.forced]\nn_rounds = 1", ["reduction.forced.n_rounds = 1", "at least 2"]),
        ("[join]\nsigmas = 4", ["section is called [crossmatch] now: crossmatch.sigmas"]),
        ("[slection]", ["slection: there is no such option"]),
        ("reduction = 3", ["reduction: a section, not an option"]),
        ("[[selection]]\nedge_pixels = 1", ["selection: a section, not an option"]),
        ("catalogue = 3", ["catalogue = 3", "string"]),
        ("[selection", ["not TOML", "options --toml"]),
        ("catalogue = " + "[" * 500, ["nested too deeply"]),
        (".".join("a" * 5000) + " = 1", ["nested too deeply"]),
        ("[selection]\nthreshold_sigma = " + "[" * 250 + "]" * 250, ["threshold_sigma = [[["]),
        ("[selection]\nthreshold_sigma = " + "9" * 5000, ["not TOML", "digits"]),
        ("[selection]\nthreshold_sigma = 0x" + "f" * 9000, ["threshold_sigma = ..."]),
        ("[selection]\nedge_pixels = 1\nedge_pixels = 2", ["not TOML", "overwrite"]),
        ("[selection]\nthreshold_sigma = inf", ["threshold_sigma = inf", "at most"]),
        ("[reduction.sky]\ntiles_x = nan", ["tiles_x = nan", "finite"]),
        ('catalogue = "a\\u0000b"', ["catalogue = ", "printable"]),
        ('"a\\nb" = 1', ["'a\\nb': there is no such option"]),
    ],
)
def test_what_is_wrong_in_a_file_is_named(options_file, text, complaints):
    path = options_file(text)
    with pytest.raises(GalprojectError) as error:
        load_options()
    for complaint in [str(path), *complaints]:
        assert complaint in str(error.value)


def test_all_that_is_wrong_is_said_at_once(options_file, monkeypatch):
    options_file("[selection]\nthreshold_sigma = -3\nnonsense = 1")
    monkeypatch.setenv("GALPROJECT_OPTION_INPUT__GAIN", "0")
    with pytest.raises(GalprojectError) as error:
        load_options()
    assert len(str(error.value).splitlines()) == 4
    assert "GALPROJECT_OPTION_INPUT__GAIN: input.gain = 0" in str(error.value)


def test_an_absent_file_is_named(settings, tmp_path):
    settings.GALPROJECT_OPTIONS = str(tmp_path / "no.toml")
    with pytest.raises(GalprojectError, match=r"no\.toml: the options can't be read"):
        load_options()


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless", "large", "binary"])
def test_what_is_no_file_of_options_is_not_read(settings, tmp_path, kind):
    path = tmp_path / "options.toml"
    if kind == "pipe":
        os.mkfifo(path)  # that nobody writes into
    elif kind == "folder":
        path.mkdir()
    elif kind == "endless":
        path = Path("/dev/zero")
    else:
        path.write_bytes(b"#" * 2_000_000 if kind == "large" else bytes(range(256)))
    settings.GALPROJECT_OPTIONS = str(path)
    with pytest.raises(GalprojectError, match=f"{path}: the options can't be read"):
        load_options()


def test_check_warns_of_what_is_wrong(options_file):
    assert options_are_valid() == []
    options_file("[selection]\nthreshold_sigma = -3")
    (warning,) = options_are_valid()
    assert "threshold_sigma = -3" in warning.msg


def test_commands_end_with_what_is_wrong(options_file):
    options_file("[selection]\nthreshold_sigma = -3")
    with pytest.raises(CommandError, match="threshold_sigma = -3"):
        call_command("process_exposure", "a.fits")
    with pytest.raises(CommandError, match="threshold_sigma = -3"):
        run()


def test_stored_options_come_back():
    options = PipelineOptions(selection=SelectionOptions(threshold_sigma=20), catalogue="gaia")
    assert options_from_json(options.as_json()) == options


def test_options_of_older_code_are_completed(caplog):
    stored = PipelineOptions().as_json()
    del stored["selection"]["edge_pixels"]
    stored["selection"]["gone"] = 3
    assert options_from_json(stored) == PipelineOptions()
    assert "selection.gone = 3" in caplog.text
    stored["selection"]["threshold_sigma"] = -1
    with pytest.raises(GalprojectError, match="threshold_sigma = -1"):
        options_from_json(stored)


def test_stored_options_of_a_section_with_a_former_name_come_back(caplog):
    stored = PipelineOptions().as_json()
    stored["join"] = stored.pop("crossmatch") | {"sigmas": 4.5}
    assert options_from_json(stored).crossmatch.sigmas == 4.5
    assert not caplog.text


@pytest.mark.parametrize(("stored", "place"), [(None, "all"), ({"selection": 3}, "selection")])
def test_what_was_never_options_is_an_error_of_ours(stored, place):
    with pytest.raises(GalprojectError, match=f"{place} = .*: not a section"):
        options_from_json(stored)


def test_sections_of_one_class_are_told_apart():
    meanings = [section.meaning for section in sections()]
    assert len(set(meanings)) == len(meanings)


def test_the_complete_file_says_the_defaults(options_file):
    path = options_file(run("--toml"))
    assert load_options() == PipelineOptions()
    unset = {"catalogue", "input.gain", "input.saturation", "input.exposure_seconds"}
    assert set(read_file(path)) == set(option_names()) - unset
    assert "every option in it exists and is valid" in run("--check", str(path))


def test_the_table_says_where_a_value_comes_from(options_file):
    path = options_file("[selection]\nthreshold_sigma = 12")
    table = run()
    assert f"threshold_sigma = 12.0 sigma  ({path}, default 15.0)" in table
    assert "error_floor = 0.003 mag  (default)" in table


def test_the_documentation_is_what_the_command_prints():
    page = Path(settings.BASE_DIR, "docs/options.md").read_text()
    assert page == run("--markdown")


def test_results_say_the_options_that_were_used(options_file):
    options_file("[selection]\nthreshold_sigma = 12")
    wanted = replace(PipelineOptions(), selection=SelectionOptions(threshold_sigma=12))
    assert load_options().as_json() == wanted.as_json()
