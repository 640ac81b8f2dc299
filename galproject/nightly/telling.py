"""People who asked for the reports of nights are told of each once."""

from datetime import date

from django.db import transaction

from exposures.locks import Claimed, lock_to_end
from galproject.nightly.report import NightReport
from variables.models import GalNotice, GalNoticeChoice, NoticeKind
from variables.models.notices import Told
from variables.notices.writing import MAX_TEXT, tell


@transaction.atomic
def tell_night(report: NightReport) -> int:
    """Tell those who asked for reports, and were not told of this night; returns how many.

    Two processes at once tell each person once: one waits for the other.
    """
    lock_to_end(Claimed.NEWS, [1])
    asked = GalNoticeChoice.objects.filter(kind=NoticeKind.NIGHT).exclude(told=Told.PAGE)
    were_told = notices_of(report.date).values("user")
    users = asked.exclude(user__in=were_told).values_list("user", flat=True)
    text = f"{report.date}: {report.in_short}"[:MAX_TEXT]
    return tell(dict.fromkeys(users, NoticeKind.NIGHT), text=text)


def notices_of(night: date):
    """Notices of the report of a night."""
    return GalNotice.objects.filter(kind=NoticeKind.NIGHT, text__startswith=str(night))
