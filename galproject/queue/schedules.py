"""Scheduled tasks: only the project's own, whose times people may change."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models.signals import pre_save
from django.http import HttpRequest
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from exposures.errors import GalprojectError
from galproject.queue.messages import TASKS, present_name

OWN_TASKS = list(TASKS)
# Without those that run once, which deletes a schedule, and by cron, which takes a package more.
FREQUENCIES = [
    choice for choice in Schedule.TYPE if choice[0] not in (Schedule.ONCE, Schedule.CRON)
]
EDITED = ("schedule_type", "minutes", "next_run")
DAY = timedelta(days=1)
FARTHEST = timedelta(days=366)


def refuse_others(instance: Schedule, **_: Any) -> None:
    """Refuse to schedule anything but the project's own tasks."""
    instance.func = present_name(instance.func)
    if instance.func not in OWN_TASKS or instance.hook:
        raise GalprojectError(f"{instance.func} is no task of galproject, and can't be scheduled")


def install() -> None:
    """Check every schedule before it is saved."""
    pre_save.connect(refuse_others, sender=Schedule, dispatch_uid="own schedules")


class TimesForm(forms.ModelForm):
    """When a schedule runs next, and how often."""

    schedule_type = forms.ChoiceField(choices=FREQUENCIES, label="how often")
    minutes = forms.IntegerField(
        required=False, min_value=1, max_value=1440, help_text="where it is every so many minutes"
    )

    class Meta:
        model = Schedule
        fields = EDITED

    def clean_next_run(self) -> datetime:
        """Check that the time is near: the scheduler would count every minute from the year 1."""
        next_run: datetime | None = self.cleaned_data["next_run"]
        now = timezone.now()
        if next_run is None or not now - DAY <= next_run <= now + FARTHEST:
            raise forms.ValidationError("From a day ago to a year ahead.")
        return next_run

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        if cleaned.get("schedule_type") == Schedule.MINUTES and not cleaned.get("minutes"):
            self.add_error("minutes", "Say how many.")
        return cleaned


class QueueRowAdmin(admin.ModelAdmin):
    """An admin page without actions, as no row may be made or repeated."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ScheduleAdmin(QueueRowAdmin):
    """The admin of schedules, in which only times can be changed."""

    form = TimesForm
    fields = ("name", "func", *EDITED)
    readonly_fields = ("name", "func")
    list_display = ("name", "func", "schedule_type", "minutes", "next_run")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).filter(func__in=OWN_TASKS)


class ResultAdmin(QueueRowAdmin):
    """The admin of tasks' results."""

    list_display = ("name", "group", "func", "started", "stopped")
    list_filter = ("group", "func")
    search_fields = ("name", "func", "group")
    fields = ("name", "func", "args", "group", "cluster", "started", "stopped", "result")


class MessageAdmin(QueueRowAdmin):
    """The admin of waiting messages, if the queue is in the database."""

    list_display = fields = ("id", "name", "group", "func", "args", "lock")


def register_admin() -> None:
    """Replace django-q2's own admin pages, which can make, change and repeat anything."""
    for model, page in (
        (Schedule, ScheduleAdmin),
        (Success, ResultAdmin),
        (Failure, ResultAdmin),
        (OrmQ, MessageAdmin),
    ):
        if admin.site.is_registered(model):
            admin.site.unregister(model)
        admin.site.register(model, page)
