"""Compilation of loops over stars and pixels by numba, cached on disk if possible."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from numba import njit

# Sums may be reordered, or they would not be vectorised. NaN and infinity keep their meaning.
RELAXED = {"reassoc", "contract", "nsz", "arcp"}

Function = TypeVar("Function", bound=Callable)

KEPT: list = []  # compiled functions of imported modules, whose machine code is on disk


def _jitted(function: Function, **options: bool) -> Function:
    """What numba makes of a function, which is called as the function is."""
    jit: Callable = partial(njit, fastmath=RELAXED, error_model="numpy", nogil=True)
    return jit(**options)(function)


def compiled(function: Function, **options: bool) -> Function:
    """``function`` compiled by numba for one core, at its first call.

    The machine code is kept beside the module, or where that is read-only in the user's cache or
    NUMBA_CACHE_DIR; where nothing can be written every process compiles for itself.
    """
    try:
        kept = _jitted(function, cache=True, **options)
    except RuntimeError:  # numba found no place for its cache
        return _jitted(function, cache=False, **options)
    if not options.get("forceinline"):  # which only others call, that have it inside
        KEPT.append(kept)
    return kept


def load_kept() -> int:
    """Load all machine code that is on disk for the functions of imported modules; how many.

    A function's first call loads what it needs. Processes that are forked after this share it, and
    load nothing. What isn't there, or was made by another version or for another processor, is
    left to the first call.
    """
    n_loaded = 0
    for function in KEPT:
        for signature in _signatures_on_disk(function):
            function.compile(signature)
            n_loaded += 1
    return n_loaded


def _signatures_on_disk(function: Any) -> list[tuple]:
    """The types of arguments for which a function's machine code can be loaded by this process."""
    # numba has no other way to ask.
    cache, codegen = function._cache, function.targetctx.codegen()  # noqa: SLF001
    keys = cache._cache_file._load_index()  # noqa: SLF001
    return [key[0] for key in keys if key == cache._index_key(key[0], codegen)]  # noqa: SLF001


def compiled_with(*modules: ModuleType, **options: bool) -> Callable[[Function], Function]:
    """A decorator as ``compiled``, for what calls compiled functions of other ``modules``.

    numba takes machine code from the disk until the function's own module changes. The digest of
    the others' source is in the name by which it is kept, so that a change of theirs counts too.
    """
    source = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    digest = hashlib.sha256(source).hexdigest()[:16]

    def decorate(function: Function) -> Function:
        function.__qualname__ += f"_{digest}"
        vars(function)["calls_into"] = modules
        return compiled(function, **options)

    return decorate


def inlined(function: Function) -> Function:
    """``function`` compiled into each compiled function that calls it.

    What calls another would else run whichever of its copies was loaded first, and those round
    differently: a process that compiles would differ in the last bit from one that finds the
    machine code on disk, and rows made again from those that were there.
    """
    return compiled(function, forceinline=True)
