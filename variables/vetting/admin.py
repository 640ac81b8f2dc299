"""The taxonomy, edited until somebody votes by it, and versioned from then on."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, Max

from variables.models import Taxonomy, TaxonomyClass


@transaction.atomic
def copy_taxonomy(taxonomy) -> Taxonomy:
    """A new version with the same classes, to be edited; not current."""
    version = Taxonomy.objects.aggregate(last=Max("version"))["last"] + 1
    copy = Taxonomy.objects.create(version=version, note=f"after version {taxonomy.version}")
    made = {}
    # Classes before their subtypes.
    for one in taxonomy.classes.order_by(F("parent").asc(nulls_first=True), "order"):
        before = one.pk
        parent = made.get(one.parent_id)
        one.pk, one.taxonomy, one.parent = None, copy, parent
        one.save(force_insert=True)
        made[before] = one
    return copy


@transaction.atomic
def make_current(taxonomy):
    """Offer this version to new campaigns; others keep theirs."""
    Taxonomy.objects.filter(is_current=True).update(is_current=False)
    Taxonomy.objects.filter(pk=taxonomy.pk).update(is_current=True)


class ClassInline(admin.TabularInline):
    model = TaxonomyClass
    fields = ["slug", "label", "kind", "key", "parent", "meaning", "order"]
    extra = 0

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        taxonomy = request.resolver_match.kwargs.get("object_id")
        if db_field.name == "parent" and taxonomy:
            classes = TaxonomyClass.objects.filter(taxonomy=taxonomy, parent=None)
            kwargs["queryset"] = classes.order_by("order")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Taxonomy)
class TaxonomyAdmin(admin.ModelAdmin):
    list_display = ["version", "is_current", "state", "note", "created"]
    readonly_fields = ["version", "is_current", "state"]
    fields = ["version", "is_current", "state", "note"]
    inlines = [ClassInline]
    actions = ["copy_as_new_version", "make_current"]

    @admin.display(description="state")
    def state(self, taxonomy):
        if taxonomy.is_frozen():
            return "frozen, as people voted by it: copy it as a new version to change it"
        return "may be changed, until somebody votes by it"

    def has_add_permission(self, request):
        return False  # a new one is a copy of another

    def has_change_permission(self, request, obj=None):
        is_free = obj is None or not obj.is_frozen()
        return is_free and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        is_free = obj is None or not (obj.is_current or obj.is_frozen() or obj.campaigns.exists())
        return is_free and super().has_delete_permission(request, obj)

    @admin.action(description="Copy as a new version", permissions=["change"])
    def copy_as_new_version(self, request, queryset):
        for taxonomy in queryset:
            self.message_user(request, f"Made {copy_taxonomy(taxonomy)}: edit its classes.")

    @admin.action(description="Make current", permissions=["change"])
    def make_current(self, request, queryset):
        if queryset.count() != 1:
            return self.message_user(request, "Choose one version.", messages.ERROR)
        make_current(queryset.get())
        return self.message_user(request, "New campaigns use it; others keep theirs.")
