"""The first taxonomy of variable stars and artifacts."""

from django.db import migrations

# slug, label, kind, key, meaning
CLASSES = (
    ("rr-lyrae", "RR Lyrae", "variable", "r", "pulsating horizontal-branch star, 0.2 to 1 d"),
    ("cepheid", "Cepheid", "variable", "c", "classical or type II, 1 to 100 d"),
    ("long-period", "long-period variable", "variable", "l", "Mira or semiregular, above 80 d"),
    ("eclipsing", "eclipsing binary", "variable", "e", "fades at regular intervals"),
    ("short-period", "delta Scuti, short-period", "variable", "d", "pulsates within hours"),
    ("young", "young star, dipper", "variable", "y", "irregular fading or rises"),
    ("flare", "stellar flare", "variable", "s", "rises within minutes, fades within hours"),
    ("cataclysmic", "nova, cataclysmic", "variable", "n", "outbursts"),
    ("microlensing", "microlensing event", "variable", "g", "one symmetric rise, in all colours"),
    ("qso", "QSO or AGN", "variable", "q", "red noise over months"),
    ("proper-motion", "high proper motion", "variable", "p", "real, but it moved"),
    ("other", "other variable", "variable", "v", "real, of no class above"),
    ("artifact", "artifact", "artifact", "a", "not a star that changed; a second key says what"),
    ("uncertain", "uncertain", "uncertain", "u", "can't be told from what is shown"),
)
# Of artifacts: slug as flags have it, label, key.
SUBTYPES = (
    ("bleed", "bleed trail", "b"),
    ("edge", "edge of the chip", "e"),
    ("saturated", "near a saturated star", "s"),
    ("detector", "defect of the detector", "d"),
    ("reference", "artifact on the reference", "r"),
    ("trail", "satellite or aeroplane", "t"),
    ("ghost", "ghost or reflection", "g"),
    ("cosmic", "cosmic ray", "c"),
    ("blend", "badly separated neighbours", "l"),
    ("quality", "bad image", "q"),
    ("other", "something else", "o"),
)


def make(apps, schema_editor):
    alias = schema_editor.connection.alias if schema_editor else "default"
    taxonomies = apps.get_model("variables", "Taxonomy").objects.using(alias)
    classes = apps.get_model("variables", "TaxonomyClass").objects.using(alias)
    taxonomy = taxonomies.create(version=1, is_current=True, note="the first")
    for order, (slug, label, kind, key, meaning) in enumerate(CLASSES):
        columns = {"slug": slug, "label": label, "kind": kind, "key": key, "meaning": meaning}
        made = classes.create(taxonomy=taxonomy, order=order, **columns)
        if slug == "artifact":
            artifact = made
    for order, (slug, label, key) in enumerate(SUBTYPES, len(CLASSES)):
        classes.create(
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
