"""Scripts and styles: found where they lie, collected once, left while somebody uses them."""

import os

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static

from exposures.errors import GalprojectError
from galproject.site import static_files
from galproject.site.static_files import StaticFolder, fingerprint


def test_pages_find_scripts_where_nothing_was_collected():
    assert static("vetting.js") == "/static/vetting.js"
    assert all(finders.find(f"bokeh/{name}") for name in static_files.BOKEH)


def test_of_bokeh_only_what_pages_use_is_collected():
    collected = [name for finder in finders.get_finders() for name, _ in finder.list([])]
    assert sorted(name for name in collected if "bokeh" in name) == sorted(static_files.BOKEH)
    assert finders.find("bokeh/bokeh-mathjax.min.js") is None


@pytest.fixture
def collected(monkeypatch):
    """Makes folders without what belongs in them; a list of those that were made."""
    made = []

    def collect(folder):
        folder.mkdir(parents=True)
        made.append(folder)

    monkeypatch.setattr(static_files, "_collect", collect)
    monkeypatch.setattr(settings, "STATIC_ROOT", None)
    return made


def test_files_are_collected_once_for_each_state_of_them(tmp_path, collected, monkeypatch):
    one, same = StaticFolder(tmp_path), StaticFolder(tmp_path)
    assert one.path == same.path == collected[0] and len(collected) == 1
    monkeypatch.setattr(static_files, "fingerprint", lambda: "another")
    assert StaticFolder(tmp_path).path == collected[1] != one.path


def test_a_script_that_changes_is_another_state(tmp_path, settings):
    script = tmp_path / "one.js"
    script.write_text("1")
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, tmp_path]
    finders.get_finder.cache_clear()
    before = fingerprint()
    script.write_text("12")
    assert fingerprint() != before
    finders.get_finder.cache_clear()


def test_an_old_state_is_removed_unless_a_server_still_uses_it(tmp_path, collected, monkeypatch):
    used, left = StaticFolder(tmp_path), tmp_path / "left"
    left.mkdir()
    for folder in (used.path, left):
        os.utime(folder, (0, 0))
    monkeypatch.setattr(static_files, "fingerprint", lambda: "new")
    new = StaticFolder(tmp_path)
    assert used.path.is_dir() and new.path.is_dir() and not left.exists()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    place = tmp_path / "file"
    place.write_text("in the way")
    monkeypatch.setattr(settings, "STATIC_ROOT", None)
    with pytest.raises(GalprojectError, match=r"file can't be written to.*GALPROJECT_STATIC_ROOT"):
        StaticFolder(place)
