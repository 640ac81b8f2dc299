import importlib
import pkgutil

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


def test_machine_code_that_is_kept_calls_none_of_another_module():
    # numba notices that a module has changed, but not that one has that it calls into: it would
    # go on with the old machine code.
    found = list(kernels())
    assert found
    for module, kernel in found:
        used = [kernel.py_func.__globals__.get(name) for name in kernel.py_func.__code__.co_names]
        homes = {f.py_func.__module__ for f in used if isinstance(f, Dispatcher)}
        is_kept = kernel.stats.cache_path is not None
        assert not is_kept or homes <= {module}, kernel


def test_compiled_functions_that_others_call_are_inlined_so_that_every_process_rounds_alike():
    for _, kernel in kernels():
        for name in kernel.py_func.__code__.co_names:
            used = kernel.py_func.__globals__.get(name)
            assert not isinstance(used, Dispatcher) or used.targetoptions.get("forceinline"), used


def test_where_no_cache_can_be_written_functions_are_compiled_all_the_same(monkeypatch):
    def no_locator(*_):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(Dispatcher, "enable_caching", no_locator)

    @compiled
    def double(x):
        return 2 * x

    assert double(3.5) == pytest.approx(7)
