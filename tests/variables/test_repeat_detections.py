"""The table of repeated detections, and what removes detections."""

import pytest
from django.core.management import CommandError, call_command

from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources
from tests.variables.test_light_curves import make_change
from variables.candidates.repeat_detections import Counting, count_repeat_detections
from variables.derived.refresh import refresh_candidates
from variables.models import GalVarObj

pytestmark = pytest.mark.django_db


@pytest.fixture
def reference():
    """Of six sources two vary once, one twice, one three times; one is cut once."""
    image = make_image("reference", is_reference=True)
    storage.create_catalogue(image, make_sources(6), {}, "test")
    sources = storage.reference_sources_in([image])
    for epoch in range(3):
        search = make_image(epoch, mjd=60000.0 + epoch)
        storage.replace_measurements(search, sources)
        for source, n_detections in zip(sources, (1, 1, 2, 3), strict=False):
            if epoch < n_detections:
                make_change(source, search)
        if epoch == 0:
            make_change(sources[4], search, failed_cuts=2)
    refresh_candidates()
    return image


def test_objects_are_counted_by_their_number_of_detections(reference):
    assert count_repeat_detections() == [(1, 2), (2, 1), (3, 1)]
    assert count_repeat_detections(Counting(accepted_only=False)) == [(1, 3), (2, 1), (3, 1)]
    assert count_repeat_detections(Counting("i")) == count_repeat_detections()
    assert count_repeat_detections(Counting("g")) == []


def test_sources_of_a_replaced_catalogue_are_not_counted_again(reference):
    storage.create_catalogue(reference, make_sources(6), {}, "later")
    assert GalVarObj.objects.count() == 8
    assert count_repeat_detections() == []


def test_detections_go_with_their_catalogue(reference):
    other = make_image("other", is_reference=True)
    storage.create_catalogue(other, make_sources(1), {}, "test")
    kept = make_change(storage.reference_sources_in([other])[0], make_image("search"))
    storage.drop_catalogue(reference.catalogues.get())
    assert list(GalVarObj.objects.all()) == [kept]


def test_the_table_has_a_line_for_each_count(reference, capsys):
    call_command("repeat_detections")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Repeated Detections  Number of Objects"
    assert [line.split() for line in lines[1:]] == [["1", "2"], ["2", "1"], ["3", "1"]]
    call_command("repeat_detections", "--all", "--filter", "i")
    assert capsys.readouterr().out.splitlines()[1].split() == ["1", "3"]


def test_no_detections_are_said_to_be_none(capsys):
    call_command("repeat_detections")
    assert "(none)" in capsys.readouterr().out


def test_the_table_is_written_as_csv(reference, capsys, tmp_path):
    expected = "Repeated Detections,Number of Objects\n1,2\n2,1\n3,1\n"
    call_command("repeat_detections", "--csv")
    assert capsys.readouterr().out == expected
    call_command("repeat_detections", "--csv", str(tmp_path / "table.csv"))
    assert (tmp_path / "table.csv").read_text() == expected
    with pytest.raises(CommandError, match="can't be written"):
        call_command("repeat_detections", "--csv", str(tmp_path / "no" / "table.csv"))
