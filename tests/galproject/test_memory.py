"""Processes that work on chips keep the memory of images that they free."""

import subprocess
import sys
from pathlib import Path

import pytest

from exposures.models import GalImage
from galproject.processing import memory, pipeline

# Where an array lies that is larger than what glibc keeps on its own.
IN_HEAP = """
import re
import numpy as np
from pathlib import Path
from galproject.processing.memory import keep_memory
if {keep}:
    assert keep_memory() and keep_memory()
array = np.empty(5_000_000)
heap = re.search(r"^(\\w+)-(\\w+) .*\\[heap\\]$", Path("/proc/self/maps").read_text(), re.M)
start, end = (int(edge, 16) for edge in heap.groups())
print(start <= array.ctypes.data < end)
"""


def is_in_heap(keep):
    code = IN_HEAP.format(keep=keep)
    root = Path(memory.__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    return done.stdout.decode().strip() == "True"


@pytest.mark.skipif(
    not (memory.is_glibc() and Path("/proc/self/maps").exists()), reason="needs glibc on Linux"
)
def test_large_arrays_come_from_memory_that_is_kept():
    assert is_in_heap(keep=True)
    assert not is_in_heap(keep=False)


def test_other_c_libraries_are_left_as_they_are(monkeypatch):
    monkeypatch.setattr(memory.os, "confstr_names", {})
    monkeypatch.setattr(memory.ctypes, "CDLL", None)  # would fail
    assert memory.keep_memory.__wrapped__() is False


@pytest.mark.django_db
def test_a_process_keeps_memory_from_its_first_chip_on(monkeypatch):
    calls = []
    monkeypatch.setattr(pipeline, "keep_memory", lambda: calls.append("kept"))
    with pytest.raises(GalImage.DoesNotExist):
        pipeline.process_chip(0)
    assert calls == ["kept"]
