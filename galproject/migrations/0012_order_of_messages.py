"""Messages of the queue are found in their order by an index, however many there are."""

from django.db import migrations

INDEX = "CREATE INDEX galqueue_order ON django_q_ormq (key, lock, id)"


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0011_schedule_of_option_sets"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunSQL(INDEX, "DROP INDEX galqueue_order")]
