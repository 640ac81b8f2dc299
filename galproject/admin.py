"""Admin actions that enqueue exposures and chips."""

from django.contrib import admin, messages
from django.template.defaultfilters import pluralize

from exposures.admin import GalExposureAdmin, GalImageAdmin
from exposures.errors import GalprojectError
from exposures.models import GalExposure, GalImage, Status
from galproject.processing.pipeline import make_references
from galproject.queue import schedules
from galproject.queue.asking import ask
from galproject.references.changes import note_chosen
from galproject.site import admin as site_admin  # noqa: F401  (registers people and tokens)


def enqueueing(description):
    """A decorator of admin actions for those who may request processing."""
    return admin.action(description=description, permissions=["enqueue"])


class QueueActions:
    """Admin actions that enqueue chips for processing."""

    actions = ["process", "process_again", "make_reference"]

    def has_enqueue_permission(self, request):
        return request.user.has_perm("exposures.add_galjob")

    def chosen(self, queryset):
        """The chips of the selected rows."""
        return GalImage.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))

    @enqueueing("Process on the queue")
    def process(self, request, queryset):
        self.enqueue(request, self.chosen(queryset))

    @enqueueing("Process again (do over)")
    def process_again(self, request, queryset):
        self.enqueue(request, self.chosen(queryset), again=True)

    @enqueueing("Make reference and process")
    def make_reference(self, request, queryset):
        chosen = self.chosen(queryset)
        # A worker has them in hand as search images, and would write them back as such.
        free = list(chosen.exclude(status=Status.WORKING).select_related("exposure"))
        new = [image for image in free if not image.is_reference]
        try:
            make_references(new)
            note_chosen(new, request.user.get_username())
        except GalprojectError as error:
            messages.error(request, str(error))
            return
        self.enqueue(request, chosen)

    def enqueue(self, request, images, again=False):
        """Ask the workers for chips, and say how to follow them."""
        try:
            jobs = ask(images, again=again, requested_by=request.user.get_username())
        except GalprojectError as error:
            messages.error(request, str(error))
            return
        if not jobs:
            messages.info(request, "No chips there.")
            return
        n_chips = sum(len(job.asked or ()) for job in jobs)
        text = (
            f"{n_chips:,} chip{pluralize(n_chips)} asked for. A worker puts on the queue what is "
            "to be done; follow it on the page Working status."
        )
        messages.success(request, text)


# In the place of the plain ones, which know of no queue.
admin.site.unregister([GalExposure, GalImage])


@admin.register(GalImage)
class QueueableImageAdmin(QueueActions, GalImageAdmin):
    """The admin of chips, with actions that enqueue them."""


@admin.register(GalExposure)
class QueueableExposureAdmin(QueueActions, GalExposureAdmin):
    """The admin of exposures, with actions that enqueue all their chips."""

    def chosen(self, queryset):
        return GalImage.objects.filter(exposure__in=list(queryset.values_list("pk", flat=True)))


schedules.register_admin()
