"""Variability is measured each day where images changed and the message that said so was lost."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

FUNC = "galproject.queue.tasks.measure_overdue_variability"


def make_schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    # Before the night's images come in, when hosts have least to do.
    today = timezone.now().replace(hour=19, minute=0, second=0, microsecond=0)
    schedules.create(
        name="measure_overdue_variability",
        func=FUNC,
        schedule_type="D",
        next_run=today + timedelta(days=timezone.now() > today),
        repeats=-1,
    )


def drop_schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    schedules.filter(func=FUNC).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0008_schedule_of_motions"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(make_schedule, drop_schedule)]
