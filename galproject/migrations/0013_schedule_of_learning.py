"""Models are trained on new votes, and changed candidates scored, once a day."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

FUNC = "galproject.queue.tasks.learn_from_votes"


def make_schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    # After variability was measured where that was overdue, before the night's images come in.
    today = timezone.now().replace(hour=20, minute=0, second=0, microsecond=0)
    schedules.create(
        name="learn_from_votes",
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
        ("galproject", "0012_order_of_messages"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(make_schedule, drop_schedule)]
