import importlib
import os
import pkgutil
import subprocess
import sys

import pytest
from numba.core.dispatcher import Dispatcher

import photometry.science
from photometry.science.compiled import compiled


def kernels():
    """Every compiled function under photometry.science, with the module that it is in."""
    path, prefix = photometry.science.__path__, "photometry.science."
    for _, name, _ in pkgutil.walk_packages(path, prefix):
        module = importlib.import_module(name)
        for value in vars(module).values():
            if isinstance(value, Dispatcher) and value.py_func.__module__ == module.__name__:
                yield module.__name__, value


def calls_of(kernel):
    """The compiled functions that one calls."""
    used = [kernel.py_func.__globals__.get(name) for name in kernel.py_func.__code__.co_names]
    return [one for one in used if isinstance(one, Dispatcher)]


def homes_of_calls(kernel):
    """The modules of the compiled functions that one calls."""
    return {one.py_func.__module__ for one in calls_of(kernel)}


def test_machine_code_that_is_kept_calls_none_of_another_module_but_those_it_names():
    # numba notices that a module has changed, but not that one has that it calls into: it would
    # go on with the old machine code.
    found = list(kernels())
    assert found
    for module, kernel in found:
        assert kernel.stats.cache_path is not None
        named = {one.__name__ for one in getattr(kernel.py_func, "calls_into", ())}
        assert homes_of_calls(kernel) <= {module} | named, kernel
        # What those call in turn would have to be named too.
        further = [k for home, k in found if home in named]
        assert all(homes_of_calls(k) <= {module} | named for k in further), kernel


def test_machine_code_is_made_anew_when_a_module_that_it_calls_into_changes(tmp_path):
    (tmp_path / "called.py").write_text(CALLED.format("+"))
    (tmp_path / "caller.py").write_text(CALLER)
    assert answer_of(tmp_path) == ["compiled", "5"]
    assert answer_of(tmp_path) == ["kept", "5"]
    (tmp_path / "called.py").write_text(CALLED.format("*"))
    assert answer_of(tmp_path) == ["compiled", "6"]


CALLED = """
from photometry.science.compiled import inlined

@inlined
def combined(x, y):
    return x {} y
"""
CALLER = """
import called
from called import combined
from photometry.science.compiled import compiled_with

@compiled_with(called)
def answer(x, y):
    return combined(x, y)

value = answer(2, 3)
print("kept" if answer.stats.cache_hits else "compiled", value)
"""


def answer_of(folder):
    """What ``caller`` says in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    words = [sys.executable, folder / "caller.py"]
    return subprocess.check_output(words, env=environment, text=True).split()


def test_machine_code_on_disk_is_loaded_without_a_call_and_none_is_made(tmp_path):
    (tmp_path / "called.py").write_text(CALLED.format("+"))
    (tmp_path / "caller.py").write_text(UNCALLED)
    assert answer_of(tmp_path) == ["loaded", "0", "hits", "0", "made", "1"]
    assert answer_of(tmp_path) == ["loaded", "1", "hits", "1", "made", "0"]


UNCALLED = """
import called
from photometry.science.compiled import compiled_with, load_kept

@compiled_with(called)
def answer(x, y):
    return called.combined(x, y)

n_loaded, stats = load_kept(), answer.stats
print("loaded", n_loaded, "hits", sum(stats.cache_hits.values()), end=" ")
answer(2, 3)
print("made", sum(stats.cache_misses.values()))
"""


def test_compiled_functions_that_others_call_are_inlined_so_that_every_process_rounds_alike():
    called = {one for _, kernel in kernels() for one in calls_of(kernel)}
    assert called
    assert [one for one in called if not one.targetoptions.get("forceinline")] == []


def test_where_no_cache_can_be_written_functions_are_compiled_all_the_same(monkeypatch):
    def no_locator(*_):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(Dispatcher, "enable_caching", no_locator)

    @compiled
    def double(x):
        return 2 * x

    assert double(3.5) == pytest.approx(7)
