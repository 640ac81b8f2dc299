"""Every option does something: with another value of it, some result is another."""

import os
from contextlib import contextmanager

import pytest
from django.db import transaction

from galproject.configuration.descriptions import option_names
from galproject.configuration.loading import PREFIX, load_options
from galproject.configuration.rendering import show
from tests.effects.effect import comparable, measured, settings_of
from tests.effects.table import EFFECTS

HOW_TO = (
    "add a line for {name} to tests/effects/table.py: another value of it, and a result, a "
    "function of the options, that is another with this value"
)
RESULTS = {f"{e.result.__module__}.{e.result.__name__}": e.result for e in EFFECTS.values()}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_is_set(settings, monkeypatch):
    settings.GALPROJECT_OPTIONS = settings.GALPROJECT_CATALOGUE = ""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)


@pytest.mark.parametrize("name", option_names())
def test_another_value_of_an_option_changes_a_result(name):
    assert name in EFFECTS, HOW_TO.format(name=name)
    effect = EFFECTS[name]
    usual, other = (_result(effect, settings_of(name, effect, is_it)) for is_it in (False, True))
    # Not as the assertion, which would print them.
    is_changed = usual != other
    assert is_changed, f"{name} = {effect.value}: {effect.result.__name__} is as with the default"


def _result(effect, settings):
    """A result by the options in force, which the environment sets; the tables stay as they are."""
    with pytest.MonkeyPatch.context() as patch, tables_as_before():
        for name, value in settings.items():
            patch.setenv(PREFIX + name.upper().replace(".", "__"), show(value))
        return measured(effect.result, load_options())


@contextmanager
def tables_as_before():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_the_same_options_give_the_same_result(name):
    options = load_options()
    with tables_as_before():
        first = measured(RESULTS[name], options)
    with tables_as_before():
        second = comparable(RESULTS[name](options))
    is_same = first == second
    assert is_same, f"{name} is another when it is asked for again"


def test_the_table_names_only_options_that_there_are():
    assert set(EFFECTS) - set(option_names()) == set()
