"""Hold the times and exposure times of exposures to what can be, from now on.

Rows that older versions stored otherwise, from damaged headers, stay as they are and are told of:
their files are refused now, and deleting the exposures removes what was made of them.
"""

from django.db import migrations, models

# A row that is updated twice in a transaction has its foreign keys checked at the end, and until
# then its table can't be altered.
HOLD = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE galexposures ADD CONSTRAINT galexposures_possible_time
    CHECK (mjd > 0 AND mjd < 100000) NOT VALID;
ALTER TABLE galexposures ADD CONSTRAINT galexposures_possible_exposure_time
    CHECK (exposure_seconds > 0 AND exposure_seconds <= 1e9) NOT VALID;
DO $hold$
BEGIN
    ALTER TABLE galexposures VALIDATE CONSTRAINT galexposures_possible_time;
    ALTER TABLE galexposures VALIDATE CONSTRAINT galexposures_possible_exposure_time;
EXCEPTION WHEN check_violation THEN
    RAISE WARNING 'some rows of galexposures have impossible times: manage.py forget_exposure them';
END;
$hold$;
"""
LET_GO = """
ALTER TABLE galexposures DROP CONSTRAINT galexposures_possible_time;
ALTER TABLE galexposures DROP CONSTRAINT galexposures_possible_exposure_time;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0013_possible_footprints"),
    ]

    operations = [
        migrations.RunSQL(
            HOLD,
            LET_GO,
            state_operations=[
                migrations.AddConstraint(
                    "galexposure",
                    models.CheckConstraint(
                        condition=models.Q(mjd__gt=0, mjd__lt=100_000),
                        name="galexposures_possible_time",
                    ),
                ),
                migrations.AddConstraint(
                    "galexposure",
                    models.CheckConstraint(
                        condition=models.Q(exposure_seconds__gt=0, exposure_seconds__lte=1e9),
                        name="galexposures_possible_exposure_time",
                    ),
                ),
            ],
        ),
    ]
