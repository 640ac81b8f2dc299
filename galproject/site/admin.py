"""The admin of users and their tokens."""

from contextlib import contextmanager

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.template.defaultfilters import pluralize

from exposures.admin import ReadOnlyAdmin
from galproject.models import ApiToken, Invitation, SignOnIdentity


@contextmanager
def reporting_ended_tokens(request, user_id):
    """Report how many of a user's tokens end in the block."""
    live = ApiToken.objects.live().filter(user_id=user_id)
    before = live.count() if request.method == "POST" and str(user_id).isdecimal() else 0
    yield
    if before and (n := before - live.count()):
        messages.info(request, f"{n} API token{pluralize(n)} of theirs ended with that.")


class PeopleAdmin(UserAdmin):
    """The admin of users, whose tokens end with their password or account."""

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        with reporting_ended_tokens(request, object_id):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def user_change_password(self, request, id, form_url=""):
        with reporting_ended_tokens(request, id):
            return super().user_change_password(request, id, form_url)


admin.site.unregister(User)
admin.site.register(User, PeopleAdmin)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """The admin of tokens, which their owners manage elsewhere; here they can be revoked."""

    list_display = ["name", "user", "start", "created", "expires", "last_used", "state"]
    list_filter = ["ended_by", "expires"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    search_fields = ["name", "user__username"]
    ordering = ["-pk"]
    actions = ["end"]

    def has_end_permission(self, request):
        return request.user.has_perm("galproject.change_apitoken")

    @admin.action(description="End", permissions=["end"])
    def end(self, request, queryset):
        n = queryset.end(ApiToken.EndedBy.ADMINISTRATOR)
        messages.success(request, f"{n:,} token{pluralize(n)} ended.")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """The admin of invitations, which manage.py invite makes; here they can be withdrawn."""

    list_display = ["user", "email", "invited_by", "created", "expires", "state"]
    list_filter = ["expires"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    search_fields = ["user__username", "email"]
    ordering = ["-pk"]
    actions = ["withdraw"]

    def has_withdraw_permission(self, request):
        return request.user.has_perm("galproject.change_invitation")

    @admin.action(description="Withdraw", permissions=["withdraw"])
    def withdraw(self, request, queryset):
        n = queryset.withdraw()
        messages.success(request, f"{n:,} invitation{pluralize(n)} withdrawn.")


@admin.register(SignOnIdentity)
class SignOnIdentityAdmin(ReadOnlyAdmin):
    """The admin of who accounts belong to at a provider; deleted, the next visit makes it anew."""

    list_display = ["user", "issuer", "subject", "created"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    search_fields = ["user__username", "subject"]
    ordering = ["-pk"]

    def has_delete_permission(self, request, obj=None):
        return request.user.has_perm("galproject.delete_signonidentity")
