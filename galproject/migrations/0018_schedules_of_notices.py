"""Notices are mailed each minute to those who want them at once, and once a day to others."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

AT_ONCE = "galproject.queue.tasks.mail_notices"
DAILY = "galproject.queue.tasks.mail_daily"


def make_schedules(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    now = timezone.now()
    # In the morning of Chile and of Europe's midday.
    today = now.replace(hour=10, minute=0, second=0, microsecond=0)
    schedules.create(
        name="mail_notices",
        func=AT_ONCE,
        schedule_type="I",
        minutes=1,
        next_run=now,
        repeats=-1,
    )
    schedules.create(
        name="mail_daily",
        func=DAILY,
        schedule_type="D",
        next_run=today + timedelta(days=now > today),
        repeats=-1,
    )


def drop_schedules(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    schedules.filter(func__in=[AT_ONCE, DAILY]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0017_practice"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(make_schedules, drop_schedules)]
