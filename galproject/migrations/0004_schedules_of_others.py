"""Schedules of anything but our own tasks are turned off: no worker runs them any more."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0003_quality_permission"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [
        migrations.RunSQL(
            "UPDATE django_q_schedule SET repeats = 0"
            " WHERE func NOT LIKE 'galproject.tasks.%' OR hook <> ''",
            migrations.RunSQL.noop,
        )
    ]
