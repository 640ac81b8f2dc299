"""The schedule that recovers what dead processes left is named for what it does."""

from django.db import migrations

RENAME = "UPDATE django_q_schedule SET name = %s, func = %s WHERE func = %s"
NOW, BEFORE = "recover_lost_work", "sweep"
FOLDER = "galproject.queue.tasks"


class Migration(migrations.Migration):
    dependencies = [("galproject", "0006_names_of_tasks")]
    operations = [
        migrations.RunSQL(
            [(RENAME, [NOW, f"{FOLDER}.{NOW}", f"{FOLDER}.{BEFORE}"])],
            [(RENAME, [BEFORE, f"{FOLDER}.{BEFORE}", f"{FOLDER}.{NOW}"])],
        )
    ]
