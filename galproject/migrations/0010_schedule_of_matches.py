"""References are matched each day with published catalogues with which they are not."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

FUNC = "galproject.queue.tasks.match_unmatched"


def make_schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    # Before the night's images come in, when hosts have least to do.
    today = timezone.now().replace(hour=19, minute=30, second=0, microsecond=0)
    schedules.create(
        name="match_unmatched",
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
        ("galproject", "0009_schedule_of_variability"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(make_schedule, drop_schedule)]
