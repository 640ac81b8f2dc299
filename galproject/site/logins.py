"""The page of users locked out after too many wrong passwords."""

import math

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max
from django.shortcuts import render
from django.utils import timezone


def locked_out(request, response=None, credentials=None):  # noqa: ARG001  axes passes both
    """Answer 429: how long the lockout lasts, and what to do."""
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
    """The end of the lockout of a name from an address, counted from the last failure."""
    failures = AccessAttempt.objects.filter(username=username, ip_address=address)
    last = failures.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    return last + settings.AXES_COOLOFF_TIME
