"""Schedules name their tasks as they are called now, by the modules that the tasks went to."""

from django.db import migrations

TASKS = {
    "queue": (
        *("process_chip", "close_job", "render_cutouts", "sweep", "process_night"),
        *("fetch_exposure", "worker_died"),
    ),
    "references": ("join_withdrawn", "change_reference", "change_reference_set"),
}
RENAME = "UPDATE django_q_schedule SET func = %s WHERE func = %s"
NAMES = [
    (f"galproject.{folder}.tasks.{name}", f"galproject.tasks.{name}")
    for folder, names in TASKS.items()
    for name in names
]


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0005_tokens"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [
        migrations.RunSQL(
            [(RENAME, [now, before]) for now, before in NAMES],
            [(RENAME, [before, now]) for now, before in NAMES],
        )
    ]
