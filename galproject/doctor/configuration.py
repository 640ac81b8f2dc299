"""Examinations of settings, of the secret key, and of the mail server."""

import stat

from django.conf import settings
from django.core.checks import ERROR, Tags, run_checks
from django.core.mail import get_connection

from exposures.management.base import SURVEY
from galproject.doctor.findings import fails, ok, warning

LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]", ".localhost"}
KEY_FILE = ".secret_key"


def checks():
    """Findings by the checks of Django and of the project, strict ones where others are served."""
    is_public = settings.HTTPS or not LOCAL_HOSTS.issuperset(settings.ALLOWED_HOSTS)
    tags = [SURVEY, Tags.security, Tags.files, Tags.caches, Tags.models, Tags.compatibility]
    found = run_checks(tags=tags, include_deployment_checks=is_public)
    told = [one for one in found if not one.is_silenced()]
    for one in told:
        make = fails if one.level >= ERROR else warning
        yield make("settings", one.msg, one.hint or f"See {one.id} in Django's manual")
    if not told:
        whom = "" if is_public else ", for this machine alone (GALPROJECT_HOSTS)"
        yield ok("settings", f"all checks pass{whom}")


def secret_key():
    """A finding on who can read the file of the secret key."""
    path = settings.BASE_DIR / KEY_FILE
    if not path.is_file():
        return ok("secret key", "from the environment")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        words = f"others than its owner can read or change {path}"
        return fails("secret key", words, f"chmod 600 {path}, and make another: docs/operations.md")
    return ok("secret key", f"{path} is for its owner alone")


def mail():
    """A finding on whether the mail server takes our login; nothing is sent."""
    if not settings.MAIL_IS_SET:
        return ok("mail", "none is sent: GALPROJECT_EMAIL_URL names no server")
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        server = get_connection("django.core.mail.backends.smtp.EmailBackend", timeout=10)
        server.open()
        server.close()
    except OSError as error:  # SMTP's and TLS's are, too
        words = f"{where} does not take ours: {str(error) or type(error).__name__}"
        return fails("mail", words, "Mend GALPROJECT_EMAIL_URL, or the way to that server")
    return ok("mail", f"{where} takes ours")
