"""The table of contents of the site.

The documents are read elsewhere too, so that their contents are added here, out of sight.
"""

# As in the README's "Where to read on".
CONTENTS = {
    "Using it": (
        "set-up processing archive references catalogues results bulk /client/README "
        "virtual-observatory pages filters learning quality options people discussion alerts"
    ),
    "How it works": "science performance injection glossary storage",
    "Running it": "deploy jobs operations large-survey",
    "Changing it": "/CONTRIBUTING architecture decisions/README api",
    "About it": "/CHANGELOG /SECURITY",
}
DECISIONS = "docs/decisions/README"


def setup(app):
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True}


def add_contents(app, document, source):
    """Add what lies below a document to its text."""
    if document == app.config.root_doc:
        for caption, names in CONTENTS.items():
            paths = (name if name[0] == "/" else f"docs/{name}" for name in names.split())
            source[0] += _toctree(f":caption: {caption}", paths)
    elif document == DECISIONS:
        source[0] += _toctree(":glob:", ["0*"])


def _toctree(option, paths):
    return "\n".join(["\n```{toctree}", ":hidden:", option, "", *paths, "```\n"])
