"""A job says who requested it in a column of that name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("exposures", "0016_step_of_cross_matches")]
    operations = [migrations.RenameField("galjob", "asked_by", "requested_by")]
