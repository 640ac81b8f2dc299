"""Errors that a user can cause and mend; commands print them without a traceback."""


class GalprojectError(Exception):
    """An error whose message tells users what is wrong, where, and what to do."""


class InputFileError(GalprojectError):
    """An unusable file; the message names the file, the HDU if any, and the cure."""

    def __init__(self, path, problem, advice, hdu=None):
        where = f"{path}[{hdu}]" if hdu is not None else f"{path}"
        # On one line, as what a library says may be several.
        super().__init__(f"{where}: {' '.join(str(problem).split())}. {advice}")
        self.path, self.hdu = path, hdu
