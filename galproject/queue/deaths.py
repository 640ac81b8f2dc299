"""Messages about chips whose worker died, by the signal that ended it."""

# What the system sends to a process for its own fault: the same chip would do it again.
CRASHES = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP")


def death_text(how: str, step: str, host: str) -> str:
    """A worker's death in words; ``how`` is a signal's name or an exit status."""
    at = f" while {step}" if step else ""
    return f"its worker on {host} was ended by {how}{at}"


def advice(how: str) -> str:
    """Advice about a chip whose worker died."""
    if how in CRASHES:
        return (
            "A library crashed over it: run it again (--failed), and if it fails again look at its "
            "files"
        )
    if how == "SIGKILL":
        return "Perhaps there was too little memory: run it again (--failed) with fewer workers"
    return "Run it again (--failed)"
