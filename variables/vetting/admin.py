"""The taxonomy, edited until somebody votes by it, and versioned from then on."""

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.forms import ModelForm

from variables.models import GalDecision, Taxonomy, TaxonomyClass

# What the lanes of vetting use for other things.
COMMAND_KEYS = frozenset(" z/bfmjkxo?")


def is_frozen(taxonomy) -> bool:
    """Whether somebody decided by it: what they chose must go on meaning what it meant."""
    return GalDecision.objects.filter(choice__taxonomy=taxonomy).exists()


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


class ClassForm(ModelForm):
    """A class whose key doesn't do anything else."""

    class Meta:
        model = TaxonomyClass
        fields = ["slug", "label", "kind", "key", "parent", "meaning", "order"]

    def clean_key(self):
        key = self.cleaned_data["key"]
        if self.cleaned_data.get("parent") is None and key in COMMAND_KEYS:
            raise ValidationError(f"“{key}” is a command of vetting. Choose another key")
        return key


class ClassInline(admin.TabularInline):
    model = TaxonomyClass
    form = ClassForm
    extra = 0


@admin.register(Taxonomy)
class TaxonomyAdmin(admin.ModelAdmin):
    list_display = ["version", "is_current", "frozen", "note", "created"]
    readonly_fields = ["is_current", "version"]
    inlines = [ClassInline]
    actions = ["copy_as_new_version", "make_current"]

    @admin.display(boolean=True, description="decided by")
    def frozen(self, taxonomy):
        return is_frozen(taxonomy)

    def has_add_permission(self, request):
        return False  # a new one is a copy of another

    def has_change_permission(self, request, obj=None):
        is_free = obj is None or not is_frozen(obj)
        return is_free and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        is_free = obj is None or not (obj.is_current or is_frozen(obj) or obj.campaigns.exists())
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
