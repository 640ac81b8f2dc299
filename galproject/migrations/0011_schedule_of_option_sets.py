"""Sets of options to which no row refers any more are removed each day."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

FUNC = "galproject.queue.tasks.remove_unused_options"


def make_schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    today = timezone.now().replace(hour=18, minute=30, second=0, microsecond=0)
    schedules.create(
        name="remove_unused_options",
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
        ("galproject", "0010_schedule_of_matches"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(make_schedule, drop_schedule)]
