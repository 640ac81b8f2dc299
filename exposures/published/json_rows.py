"""Objects in JSON, made of columns all at once: millions of rows are too many for one by one."""

import pyarrow as pa
import pyarrow.compute as pc

# In this order: what escapes is escaped first.
ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))
CONTROLS = "[\\x00-\\x1f]"
# Of texts, as CSV has no other values.
NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"
TRUTHS = ["True", "true", "False", "false"]


def json_texts(columns: dict[str, pa.Array], part: pa.Table) -> pa.Array:
    """An object in JSON for each row of a part, of what is known; null where nothing is."""
    pairs = [_pairs(name, values) for name, values in columns.items()]
    if not pairs:
        return pa.nulls(part.num_rows, pa.string())
    options = {"null_handling": "skip"}
    joined = pc.binary_join_element_wise(*pairs, ",", **options)
    objects = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), objects)


def _pairs(name, values):
    """``"name":value`` for each row, null where there is none."""
    return pc.binary_join_element_wise(f'"{_escaped_name(name)}":', _json(values), "")


def _json(values):
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return pc.cast(values, pa.string())
    if pa.types.is_floating(kind):
        known = pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
        return pc.cast(known, pa.string())
    texts = pc.utf8_trim_whitespace(pc.cast(values, pa.string()))
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    is_bare = pc.or_(pc.match_substring_regex(texts, NUMBER), pc.is_in(texts, pa.array(TRUTHS)))
    return pc.if_else(is_bare, pc.utf8_lower(texts), _quoted(texts))


def _quoted(texts):
    for sign, escaped in ESCAPES:
        texts = pc.replace_substring(texts, sign, escaped)
    texts = pc.replace_substring_regex(texts, CONTROLS, "")
    return pc.binary_join_element_wise('"', texts, '"', "")


def _escaped_name(name):
    return name.replace("\\", "\\\\").replace('"', '\\"')
