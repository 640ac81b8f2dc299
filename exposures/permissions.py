"""Permissions of views, with an error that names the missing one."""

from functools import wraps

from django.core.exceptions import PermissionDenied


class PermissionMissingError(PermissionDenied):
    """The user lacks ``permission``, written as "app.codename"."""

    def __init__(self, permission):
        super().__init__(f"This takes the permission {permission}")
        self.permission = permission


class NotInvitedError(PermissionDenied):
    """The user holds the permission, but not for this object; the message is shown."""


def needs_permission(permission):
    """Decorate a view: it raises PermissionMissingError for those without ``permission``."""

    def decorate(view):
        @wraps(view)
        def wrapped(request, *args, **kwargs):
            if not request.user.has_perm(permission):
                raise PermissionMissingError(permission)
            return view(request, *args, **kwargs)

        return wrapped

    return decorate
