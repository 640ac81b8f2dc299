"""The memory of a process that works on chips."""

import ctypes
import os
from functools import cache

# Parameters of glibc's mallopt (malloc.h), and the largest value that they take.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1


@cache
def keep_memory() -> bool:
    """Let this process keep the memory of arrays that it frees, for the next; once a process.

    To get the memory of an image from the system, page by page and filled with noughts, takes as
    long as many a step that fills it. glibc gives that of arrays above 32 MB back each time, and
    of smaller ones when 64 MB in a row are free. Other libraries are left as they are; whether
    this one was changed is the result.
    """
    if not is_glibc():
        return False
    set_option = ctypes.CDLL(None).mallopt
    is_set = [set_option(name, LARGEST) for name in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)]
    return all(is_set)


def is_glibc() -> bool:
    """Whether the C library of this process is GNU's."""
    return "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", {})
