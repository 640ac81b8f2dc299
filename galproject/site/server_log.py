"""gunicorn's log, in which requests can't forge lines."""

from gunicorn.glogging import Logger

from exposures.terminal import LineFormatter


class ServerLog(Logger):
    """gunicorn's logger with our lines: ``--logger-class galproject.site.server_log.ServerLog``."""

    def setup(self, cfg):
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.setFormatter(_as_lines(handler.formatter))


def _as_lines(formatter):
    # gunicorn makes its formatters itself; logging has no public name for their format.
    return LineFormatter(formatter._fmt, formatter.datefmt)  # noqa: SLF001
