"""What nobody means, and what some send: values of parameters, and pieces of JSON."""

from urllib.parse import quote_from_bytes

NUMBERS = (
    *("-1e1000000", "1e400", "1e-400", "NaN", "-nan", "Infinity", "1_0", "１２", "٣", "-0", "0x10"),
    *("9" * 5000, "9" * 4000, str(2**63), str(2**31), str(-(2**31) - 1), "40000", "1.5", "-1"),
)
TIMES = (
    *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0000-00-00", "2026-02-30"),
    *("99999999999d", "1" * 400 + "w", "2026-11-23T24:00:60.9999999Z"),
)
UNREADABLE = ("\0", "a\0b", "\ud800", b"\xff\xfe", b"\xc0\x80")  # 400 everywhere
TEXTS = (
    *("%", "%s %(a)s {0}", "'\"`<>", "{}", "[]", "../../../etc/passwd", "a\r\nX-Y: z", "😀\u202e"),
    *(
        "x" * 7000,
        "a=b&c=%00&page=after~1",
        "null",
        "true",
        "1,2,3,",
        f"1,{'9' * 30}",
        "admin:index",
    ),
)
CURSORS = (
    *("~~~", "after~1", "after~nan~1", "before~~", "after~x~1", f"after~1~{'9' * 30}"),
    *("cj0xJnA9YWJj", "cD1hYmM=", "cD0lMDA=", "bz05OTk5OTk5OTk5OTk5", "cD1uYW4=", "=", "é"),
)
POSITIONS = ("266 nan", "1e9 1e9", "-266 -91", "12:99:99 -29", "0 0 gal gal", "266,-29,5")
PAYLOADS = (*NUMBERS, *TIMES, *UNREADABLE, *TEXTS, *CURSORS, *POSITIONS)

JSON_VALUES = (
    *("NaN", "-Infinity", "1e400", "9" * 5000, str(2**63), "-1", "1.5", "1e5", "null", "true"),
    *('"\\ud800"', '"a\\u0000b"', '"１２"', '"x\\udc00"', f'"{"x" * 3000}"', '""', '"%s"', '"1_0"'),
    *("[]", "{}", "[[]]", '{"a": [1]}', "[null]", "[" * 100_000, '{"a":' * 5000, "'", '"\\x"'),
)
JSON_BODIES = (
    *("", "[", "[]", "{}", "null", "1", '"a"', "NaN", "[" * 200_000, '{"decisions": {}}'),
    *('{"decisions": [1]}', '{"decisions": [[]]}', '{"keys": 5}', '{"keys": [{}]}'),
)
RAW_BODIES = tuple(body.encode() for body in JSON_BODIES) + (b"\xff", b"\0", b'{"a": "\xff"}')
METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "FOO")
HEADERS = (
    {"HTTP_X_FORWARDED_FOR": "1.2.3.4:5678, [::1]:443"},
    {"HTTP_X_FORWARDED_FOR": "garbage\0"},
    {"HTTP_AUTHORIZATION": "Token \0"},
    {"HTTP_AUTHORIZATION": "Token é"},
    {"HTTP_COOKIE": "sessionid=%00\0; csrftoken=é"},
    {"HTTP_ACCEPT": "text/html;q=x, */*;q=nan, application/json;q=1e999"},
    {"HTTP_ACCEPT": "," * 500},
    {"HTTP_HOST": "evil.example"},
    {"HTTP_IF_NONE_MATCH": '"' * 50},
    {"HTTP_IF_MODIFIED_SINCE": "Fri, 31 Dec 99999 23:59:59 GMT"},
    {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "%ff\x85", "HTTP_HX_TARGET": "\x85"},
    {"HTTP_RANGE": "bytes=" + "0-," * 300},
    {"CONTENT_TYPE": "multipart/form-data"},
    {"CONTENT_TYPE": "multipart/form-data; boundary=é"},
    {"CONTENT_TYPE": "text/plain; charset=hex"},
    {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-16"},
    {"CONTENT_TYPE": "application/json; charset=bz2"},
    {"CONTENT_LENGTH": "-5"},
    {"CONTENT_LENGTH": "x"},
)


def quoted(value):
    """A text or bytes as an address has them, halves of surrogate pairs too."""
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return quote_from_bytes(raw)


def urlencoded(pairs):
    """Names and values as a query or a form."""
    return "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs.items())
