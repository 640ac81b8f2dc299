"""The first taxonomy of variable stars and artifacts."""

from django.db import migrations

from variables.vetting.first_taxonomy import CLASSES, SUBTYPES


def make(apps, schema_editor):
    taxonomy_model = apps.get_model("variables", "Taxonomy")
    class_model = apps.get_model("variables", "TaxonomyClass")
    taxonomy = taxonomy_model.objects.create(version=1, is_current=True, note="the first")
    for order, (slug, label, kind, key, meaning) in enumerate(CLASSES):
        columns = {"slug": slug, "label": label, "kind": kind, "key": key, "meaning": meaning}
        made = class_model.objects.create(taxonomy=taxonomy, order=order, **columns)
        if slug == "artifact":
            artifact = made
    for order, (slug, label, key) in enumerate(SUBTYPES, len(CLASSES)):
        class_model.objects.create(
            taxonomy=taxonomy,
            slug=f"artifact-{slug}",
            label=label,
            kind="artifact",
            key=key,
            parent=artifact,
            order=order,
        )


class Migration(migrations.Migration):
    dependencies = [("variables", "0005_change_positions")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
