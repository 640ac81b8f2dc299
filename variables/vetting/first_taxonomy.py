"""The classes of the first taxonomy; see its migration."""

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
