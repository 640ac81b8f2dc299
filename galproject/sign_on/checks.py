"""System checks of the settings of sign-on."""

from django.conf import settings
from django.core.checks import Error, Tags, register

HINT = "docs/people.md says what each is; without any of them there is no sign-on by a provider."


@register(Tags.security)
def sign_on_is_complete(**_):
    """Errors that say which settings are missing, or unsafe."""
    options = settings.SIGN_ON
    errors = []
    if options.missing:
        words = f"Sign-on by OpenID Connect is off: {', '.join(options.missing)} not set."
        errors.append(Error(words, hint=HINT, id="galproject.E004"))
    if options.is_overheard:
        words = "GALPROJECT_OIDC_ISSUER begins with http://: anybody on the way could log in."
        errors.append(Error(words, hint="Give its address with https://", id="galproject.E005"))
    return errors
