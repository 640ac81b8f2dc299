"""What the magnitudes of published catalogues are; filled for those that are known by name."""

from django.db import migrations, models

AB, VEGA = "AB", "Vega"
SYSTEMS = {"gaia_dr3": VEGA, "twomass": VEGA, "vvv": VEGA, "decaps2": AB, "ps1": AB}
COLOURS = {"gaia_dr3": ["BP", "RP"], "twomass": ["J", "Ks"], "vvv": ["J", "Ks"]}
NEAREST = {
    "gaia_dr3": {"u": "BP", "g": "BP", "r": "G", "VR": "G", "i": "RP", "z": "RP", "Y": "RP"},
    "vvv": {"z": "Z", "Y": "Y"},
    "ps1": {"g": "g", "r": "r", "VR": "r", "i": "i", "z": "z", "Y": "y"},
}
# Documentation of Gaia DR3, table 5.9, and Abbott et al. 2021, ApJS 255, 20: filter, coefficients
# of powers of BP - RP, scatter in mag.
OF_GAIA = [
    ("g", [-0.180613, 0.558609, 0.151219, -0.005881], 0.072),
    ("r", [0.121538, -0.171864, -0.146248, 0.144061, -0.019122], 0.035),
    ("i", [0.357309, -0.732444, 0.143697, -0.025783, 0.003757], 0.051),
    ("z", [0.499799, -0.930251, 0.09877, -0.014437, 0.001267], 0.045),
]
SOURCE = "Gaia DR3 documentation, table 5.9; Abbott et al. 2021, ApJS 255, 20"


def photometry_of(name, bands):
    """What is known of a catalogue's magnitudes, of the bands that it has."""
    colour = COLOURS.get(name)
    has_colour = colour is not None and set(colour) <= set(bands)
    near = {key: band for key, band in NEAREST.get(name, {}).items() if band in bands}
    is_gaia = name == "gaia_dr3" and {"G", "BP", "RP"} <= set(bands)
    transformations = [
        {
            "filter": filter_name,
            "band": "G",
            "colour": ["BP", "RP"],
            "coefficients": coefficients,
            "range": [0.5, 2.0],
            "scatter": scatter,
            "system": AB,
            "source": SOURCE,
        }
        for filter_name, coefficients, scatter in OF_GAIA
    ]
    return {
        "systems": dict.fromkeys(bands, SYSTEMS[name]),
        "colour": colour if has_colour else None,
        "nearest": near,
        "transformations": transformations if is_gaia else [],
    }


def tell(apps, schema_editor):
    catalogues = apps.get_model("exposures", "GalPublishedCatalogue")
    for catalogue in catalogues.objects.filter(name__in=SYSTEMS):
        catalogue.photometry = photometry_of(catalogue.name, catalogue.bands)
        catalogue.save(update_fields=["photometry"])


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0024_excess_noise_of_published_stars"),
    ]

    operations = [
        migrations.AddField(
            model_name="galpublishedcatalogue",
            name="photometry",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="what the magnitudes are: AB or Vega by band, and their way to the survey's",
            ),
        ),
        migrations.RunPython(tell, migrations.RunPython.noop),
    ]
