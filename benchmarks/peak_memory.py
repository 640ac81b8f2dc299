"""The largest memory that a process had, from some moment on; or another, from its beginning.

What getrusage tells of a process that was begun by another is never less than what that one had:
it shares its memory until the program is loaded.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

KILOBYTES = re.compile(r"VmHWM:\s+(\d+) kB")
# Begins a program and tells its largest memory, and that of what it began: being small itself.
BEGIN = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
os.write(int(sys.argv[1]), str(usage.ru_maxrss).encode())
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


def forget_peak():
    """Let the peak of this process begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb():
    """The largest memory of this process, as the system has it."""
    return int(KILOBYTES.search(Path("/proc/self/status").read_text())[1]) / 1024


def run_program(words, environment, output):
    """Run a program; whether it succeeded, and the largest memory of its processes in MB."""
    reading, writing = os.pipe()
    words = [sys.executable, "-ISc", BEGIN, str(writing), *map(str, words)]
    process = subprocess.Popen(words, env=environment, stdout=output, pass_fds=[writing])
    os.close(writing)
    with open(reading) as told:
        kilobytes = told.read()
    return process.wait() == 0, int(kilobytes) / 1024
