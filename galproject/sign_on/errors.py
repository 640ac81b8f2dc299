"""The errors of sign-on."""

from exposures.errors import GalprojectError


class SignOnError(GalprojectError):
    """Somebody who is not let in, or a provider that doesn't answer as it should."""
