"""What somebody sees who has tried too many wrong passwords."""

import math

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max
from django.shortcuts import render
from django.utils import timezone


def locked_out(request, response=None, credentials=None):  # noqa: ARG001  axes passes both
    """429: until when no password is looked at, what to do, and what an administrator does."""
    username = (credentials or {}).get("username", "")
    end = _end(username, request.axes_ip_address)
    seconds = max(1, math.ceil((end - timezone.now()).total_seconds()))
    context = {
        "username": username,
        "limit": settings.AXES_FAILURE_LIMIT,
        "end": end,
        "minutes": math.ceil(seconds / 60),
    }
    page = render(request, "lockout.html", context, status=settings.AXES_HTTP_RESPONSE_CODE)
    page["Retry-After"] = seconds
    return page


def _end(username, address):
    """When the lockout of a name from an address ends; the last failure began it."""
    failures = AccessAttempt.objects.filter(username=username, ip_address=address)
    last = failures.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    return last + settings.AXES_COOLOFF_TIME
