"""The report of a night is told once a day, before the daily mail."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

TASK = "galproject.queue.tasks.report_night"


def make_schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    now = timezone.now()
    # The exposures of a night are fetched at 20 h of the next day; half a day later most are done.
    today = now.replace(hour=9, minute=0, second=0, microsecond=0)
    schedules.create(
        name="report_night",
        func=TASK,
        schedule_type="D",
        next_run=today + timedelta(days=now > today),
        repeats=-1,
    )


def drop_schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    schedules.filter(func=TASK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0018_schedules_of_notices"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(make_schedule, drop_schedule)]
