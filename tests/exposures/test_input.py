"""What comes in from outside: numbers have bounds, text can be stored, JSON is standard JSON."""

import time

import pytest

from exposures.input.json_text import JSONError, read_json
from exposures.input.numbers import NumberError, parse_integer, parse_number
from exposures.input.text import TextError, check_query

NO_NUMBERS = [
    *(
        "",
        " ",
        "x",
        "1_0",
        "１２",
        "٣",
        "NaN",
        "-nan",
        "inf",
        "-Infinity",
        "0x10",
        "1e",
        "--1",
        "1 2",
    ),
    *("-1e1000000", "1e1000000", "1e400", "9" * 5000, "-" + "9" * 4000, "1." + "0" * 5000),
    *(None, True, [], {}, b"1", 10**5000, float("nan"), float("inf")),
]


@pytest.mark.parametrize("parse", [parse_integer, parse_number])
@pytest.mark.parametrize(
    "text", NO_NUMBERS, ids=lambda text: repr(text)[:12] if text != 10**5000 else "long"
)
def test_what_is_no_number_is_refused_at_once(parse, text):
    began = time.process_time()
    with pytest.raises(NumberError):
        parse(text)
    assert time.process_time() - began < 0.1


def test_whole_numbers_are_read_up_to_64_bits():
    for text, number in (("7", 7), (" +7 ", 7), ("-0", 0), ("7.", 7), ("7.000", 7), (7, 7)):
        assert parse_integer(text) == number and isinstance(parse_integer(text), int)
    assert parse_integer(str(2**63 - 1)) == 2**63 - 1
    for text in (str(2**63), "-9223372036854775809", "7.5", "1e3"):
        with pytest.raises(NumberError):
            parse_integer(text)
    with pytest.raises(NumberError, match="from 1 to 62"):
        parse_integer("63", 1, 62)


def test_numbers_are_read_as_python_does_within_bounds():
    for text in ("0.5", "-29.0078", "1e3", ".5", "5.", "+2", "1E-300", 266.4168, 3):
        assert parse_number(text) == float(text)
    with pytest.raises(NumberError, match="from -90 to 90"):
        parse_number("90.001", -90, 90)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"a=1&name=%00", "“name”.*NUL"),
        (b"na%00me=1", "name of a parameter.*NUL"),
        (b"name=%ED%A0%80", "“name”.*UTF-8"),
        (b"name=%ff", "“name”.*UTF-8"),
        (b"name=\xff", "“name”.*UTF-8"),
        (b"%ff=1", "name of a parameter"),
    ],
)
def test_text_that_no_database_holds_is_named(query, words):
    with pytest.raises(TextError, match=words):
        check_query(query)


def test_text_of_any_script_is_left_alone():
    check_query("a=ü+😀%20%E2%98%85&b=%25&c=&=&&d".encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"a": [1, NaN]}', r"a\[1\]: the number"),
        ('{"a": -Infinity}', "a: the number"),
        ('{"a": 1e400}', "a: the number"),
        ('{"a": %s}' % ("9" * 5000), "a: the number"),
        ('{"a": 9223372036854775808}', "a: the number"),
        ('{"a": {"b": "\\ud800"}}', "a.b: .*surrogate"),
        ('{"a": "x\\u0000"}', "a: .*NUL"),
        ('{"\\u0000": 1}', "NUL"),
        ("[" * 100_000, "nested"),
        ("[" * 30 + "]" * 30, "nested"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested"),
        ("", "no JSON"),
        ("{'a': 1}", "no JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
    ],
    ids=range(14),
)
def test_json_that_nothing_can_take_is_refused_and_says_where(body, words):
    with pytest.raises(JSONError, match=words):
        read_json(body)


def test_json_as_browsers_write_it_is_read():
    body = '{"keys": ["k1", "ü 😀", "\\ud83d\\ude00"], "n": 9007199254740991, "s": 0.5, "t": null}'
    assert read_json(body.encode())["keys"][2] == "😀"
    assert read_json(body)["n"] == 2**53 - 1
