"""New accounts of people who log in otherwise than by a password, or choose theirs later."""

from django.contrib.auth import get_user_model
from django.db import transaction


def make_account(name: str, email: str = "", is_active: bool = True):
    """Make an account without a usable password, and return it.

    Raises ValidationError for a name or an address that none can have, or an account that there
    is, and IntegrityError where somebody else makes it at the same time.
    """
    user = get_user_model()(username=name, email=email, is_active=is_active)
    user.set_unusable_password()
    user.full_clean(exclude=["password"])
    with transaction.atomic():
        user.save()
    return user
