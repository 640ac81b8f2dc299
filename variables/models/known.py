"""What published catalogues of variable stars say of a candidate."""

from django.db import models

from variables.science.period_agreement import PeriodAgreement

AGREEMENTS = [(one.value, one.label) for one in PeriodAgreement]


class Known(models.TextChoices):
    """Whether a candidate is a variable star that others have published."""

    KNOWN = "known", "known"
    NEW = "new", "new"
    CANT_BE_TOLD = "cant-be-told", "can't be told"
    NOT_LOOKED_UP = "not-looked-up", "not looked up"


# What is said of a star rather, where its sources differ.
SURER = {
    Known.KNOWN: (),
    Known.CANT_BE_TOLD: (Known.KNOWN,),
    Known.NEW: (Known.KNOWN, Known.CANT_BE_TOLD),
    Known.NOT_LOOKED_UP: (Known.KNOWN, Known.CANT_BE_TOLD, Known.NEW),
}
