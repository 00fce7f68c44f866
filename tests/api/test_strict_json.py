"""`strict_json`: what is refused, where it says the trouble is, and that no text takes it long."""

from __future__ import annotations

import json
import multiprocessing

import pytest

from meetings import strict_json
from meetings.strict_json import InvalidJSON

MEGABYTE = 1024 * 1024


def many(count: int) -> str:
    return ",".join(f'"{number}":1' for number in range(count))


HOSTILE: dict[str, bytes] = {
    "a text of escaped quotes that never ends": b'"' + b'\\"' * (MEGABYTE // 2),
    "quotes without end": b'"' * (MEGABYTE - 1),
    "many names, the last one twice": ("{" + many(70_000) + ',"69999":2}').encode(),
    "a long name above many short ones": ('{"' + "n" * 500_000 + '":{' + many(40_000) + "}}").encode(),
    "brackets without end": b"[" * MEGABYTE,
    "brackets that close before they open": b"]" * MEGABYTE,
    "digits without end": b"9" * MEGABYTE,
    "a fraction without end": b"0." + b"9" * MEGABYTE,
}


def parse(raw: bytes) -> None:
    try:
        strict_json.loads(raw)
    except InvalidJSON:
        return


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_in_linear_time(name: str) -> None:
    process = multiprocessing.get_context("fork").Process(target=parse, args=(HOSTILE[name],))
    process.start()
    process.join(20)
    was_alive = process.is_alive()
    process.kill()
    process.join()
    assert not was_alive, "still at it after 20 s"
    assert process.exitcode == 0


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ('{"a": NaN}', "a", "NaN is not a JSON number"),
        ('{"a": {"b": [1, Infinity]}}', "a.b", "Infinity is not a JSON number"),
        ('{"a": 1e400}', "a", "too large"),
        ('{"a": ' + "9" * 401 + "}", "a", "400 digits"),
        ('{"a": "\\u0000"}', "a", "NUL"),
        ('{"a": ["\\ud800"]}', "a", "surrogate"),
        ('{"a": {"\\udfff": 1}}', "a", "surrogate"),
        ('{"a": 1, "b": 2, "a": 3}', "a", "'a' is there twice"),
        ('{"b": {"a": 1, "a": 3}}', "a", "'a' is there twice"),
        ('{"x": 1, "deep": ' + "[" * 64 + "]" * 64 + "}", "deep", "64 levels"),
        ('{"deep": ' + '{"a":' * 64 + "1" + "}" * 65, "deep", "64 levels"),
        ("{bad", "", "no JSON"),
        ("NaN", "", "NaN"),
    ],
)
def test_refused_text_says_where_and_why(text: str, path: str, words: str) -> None:
    with pytest.raises(InvalidJSON) as caught:
        strict_json.loads(text.encode())
    assert caught.value.path == path
    assert words in caught.value.message


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(InvalidJSON, match="not UTF-8"):
        strict_json.loads(b'"\xff"')


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -1.5, True, None, "\U0001f600 é"], "b": {}},
        [],
        "text with { [ brackets",
        9 * 10**399,
        {"quote": '\\"{', "deep": [[[[[[[[[[1]]]]]]]]]]},
    ],
)
def test_other_json_is_taken_as_it_is(value: object) -> None:
    assert strict_json.loads(json.dumps(value).encode()) == value


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert strict_json.loads(b"\xef\xbb\xbf{}") == {}
