"""Notices by mail, where a mail server is set: each once, and again where the server failed."""

from dataclasses import dataclass
from datetime import timedelta
from smtplib import SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from exposures.errors import GalprojectError
from variables.models import GalNotice, GalWatchNews
from variables.models.notices import Told
from variables.notices.writing import who_may_see
from variables.votes.blindness import note_shown

SALT = "variables.notices.unsubscribe"
MOST_PEOPLE, MOST_NOTICES = 500, 100  # of one run, and in one mail
MOST_NEWS = 20  # of one watch in a mail
LONGEST_WAIT = 6  # doublings of a minute


class MailError(GalprojectError):
    """A mail server that takes no mail; what was to be sent is tried again."""


@dataclass(frozen=True)
class Mailed:
    """What a run has sent."""

    n_mails: int = 0
    n_notices: int = 0


def send_notices(site: str, daily: bool) -> Mailed:
    """Mail what people want to have at once, or what they want daily, one mail a person.

    ``site`` is the address of the site, to which links lead. Nothing is sent without a mail server.
    A notice is taken before it is sent, in a transaction of its own, so that of two processes one
    sends it, and none twice. Raises MailError where the server failed, after all else was sent
    that could be.
    """
    if not settings.MAIL_IS_SET:
        return Mailed()
    now = timezone.now()
    # A daily mail that failed is tried again with those that are sent at once.
    wanted = Q(mail=Told.DAILY) if daily else Q(mail=Told.ONCE) | Q(tries__gt=0)
    waiting = GalNotice.objects.to_mail(now).filter(wanted)
    ids = waiting.order_by("user").values_list("user", flat=True).distinct()[:MOST_PEOPLE]
    n_mails, n_notices, troubles = 0, 0, []
    for user in get_user_model().objects.filter(pk__in=list(ids)).order_by("pk"):
        rows = _take(waiting, user, now)
        if not rows:
            continue
        try:
            _mail_to(user, rows, site.rstrip("/")).send()
        except (SMTPException, OSError) as error:
            _put_back(rows, now)
            troubles.append(f"{type(error).__name__}: {error}")
            if not isinstance(error, SMTPRecipientsRefused):
                break  # it would refuse the others, too
        else:
            n_mails, n_notices = n_mails + 1, n_notices + len(rows)
    if troubles:
        raise MailError(
            f"{settings.EMAIL_HOST} took {n_mails} mails and refused {len(troubles)}, which are "
            f"tried again: {troubles[-1][:300]}"
        )
    return Mailed(n_mails, n_notices)


@transaction.atomic
def _take(waiting, user, now):
    """Notices of a user that nobody else sends, marked as taken; those that are blind wait."""
    mine = waiting.filter(user=user)
    if not user.email or not who_may_see().filter(pk=user.pk).exists():
        mine.update(mail="")
        return []
    # Locked first: whoever comes at the same time passes over these, and later finds them taken.
    locked = mine.select_for_update(skip_locked=True).order_by("pk")
    ids = list(locked.values_list("pk", flat=True)[:MOST_NOTICES])
    rows = list(GalNotice.objects.visible_to(user).filter(pk__in=ids).with_people().order_by("pk"))
    GalNotice.objects.filter(pk__in=[row.pk for row in rows]).update(mailed=now)
    shown = {row.refsource_id for row in rows} | _add_news(user, rows)
    if shown := shown - {None}:
        note_shown(user, shown)
    return rows


def _add_news(user, rows):
    """Add the first ``lines`` of what is new to notices of watches; whose opinions these tell."""
    watched = [row for row in rows if row.watch_id]
    opinions = set()
    for row in watched:
        first = GalWatchNews.objects.visible_to(user).filter(notice=row).order_by("pk")
        row.lines = list(first[:MOST_NEWS])
        opinions |= {news.refsource_id for news in row.lines if news.tells_opinion}
    return opinions


def _put_back(rows, now):
    tries = max(row.tries for row in rows)
    wait = timedelta(minutes=2 ** min(tries, LONGEST_WAIT))
    again = GalNotice.objects.filter(pk__in=[row.pk for row in rows])
    again.update(mailed=None, tries=F("tries") + 1, next_try=now + wait)


def _mail_to(user, rows, site) -> EmailMessage:
    away = site + reverse("unsubscribe", args=[unsubscribe_token(user)])
    context = {
        "notices": rows,
        "site": site,
        "page": site + reverse("notices"),
        "unsubscribe": away,
    }
    subject = rows[0].words if len(rows) == 1 else f"{len(rows)} notices"
    return EmailMessage(
        subject=f"galproject: {' '.join(subject.split())}",
        body=render_to_string("variables/notices_mail.txt", context),
        to=[user.email],
        headers={"List-Unsubscribe": f"<{away}>", "Auto-Submitted": "auto-generated"},
    )


def unsubscribe_token(user) -> str:
    """A text by which a person ends their mails without logging in."""
    return Signer(salt=SALT).sign(str(user.pk))


def user_of_token(token):
    """The user of an ``unsubscribe_token``; None where it is none."""
    try:
        pk = Signer(salt=SALT).unsign(token)
    except BadSignature:
        return None
    return get_user_model().objects.filter(pk=int(pk)).first()
