"""What the workers do by the clock; people change the times in the admin."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone


def make_schedules(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    today = timezone.now().replace(hour=20, minute=0, second=0, microsecond=0)
    schedules.create(
        name="process_night",
        func="galproject.tasks.process_night",
        schedule_type="D",
        next_run=today + timedelta(days=timezone.now() > today),
        repeats=-1,
    )
    schedules.create(
        name="sweep",
        func="galproject.tasks.sweep",
        schedule_type="I",
        minutes=1,
        repeats=-1,
        kwargs="{'q_options': {'save': False}}",  # as it says nothing but that it was done
    )


def drop_schedules(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    schedules.filter(func__startswith="galproject.").delete()


class Migration(migrations.Migration):
    dependencies = [("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more")]
    operations = [migrations.RunPython(make_schedules, drop_schedules)]
