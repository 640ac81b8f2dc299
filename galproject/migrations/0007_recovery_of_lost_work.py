"""The schedule that recovers what dead processes left is named for what it does."""

from django.db import migrations

RENAME = "UPDATE django_q_schedule SET name = %s, func = %s WHERE func = %s"
NOW, BEFORE = "recover_lost_work", "sweep"
FOLDER = "queue"
TASK_NOW, TASK_BEFORE = (f"galproject.{FOLDER}.tasks.{name}" for name in (NOW, BEFORE))


class Migration(migrations.Migration):
    dependencies = [("galproject", "0006_names_of_tasks")]
    operations = [
        migrations.RunSQL(
            [(RENAME, [NOW, TASK_NOW, TASK_BEFORE])],
            [(RENAME, [BEFORE, TASK_BEFORE, TASK_NOW])],
        )
    ]
