"""Records on both sides of the border: what the input topics must take, and what they must refuse and why.

Every case is the bytes of one record and the reason it is refused for, None where it counts. Moments that depend on
the clock are made from `now`. The words and limits are those of the contracts in DESIGN.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.acceptance.oracle import Json

TOO_LARGE = "too_large"
MALFORMED = "malformed_json"
MISSING = "missing_field"
INVALID = "invalid_field"
IN_FUTURE = "timestamp_in_future"
TOO_OLD = "before_retention"

MAX_RECORD_BYTES = 1_048_576
LONGEST = 256
SURROGATE = rb"\ud83d"


@dataclass(frozen=True)
class Case:
    """One record. A good action is of `account` at `moment`; a good account record says `record` of `account`."""

    name: str
    value: bytes | None
    reason: str | None
    account: str = ""
    moment: str = ""
    key: bytes | None = None
    record: Json | None = None


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def members(account: bytes = b'"acme"', when: bytes = b"", *extra: bytes) -> bytes:
    return (
        b"{"
        + b",".join((b'"account_id":' + account, b'"action":"click"', b'"timestamp":"' + when + b'"', *extra))
        + b"}"
    )


# Whole documents that are no JSON object in UTF-8, for either topic.
NO_OBJECTS: dict[str, bytes | None] = {
    "empty": b"",
    "blanks": b" \n\t ",
    "word": b"hello",
    "null": b"null",
    "number": b"12",
    "string": b'"account_id"',
    "array": b"[]",
    "array of an object": b'[{"account_id":"a"}]',
    "two objects": b"{}{}",
    "object and a word": b"{} x",
    "open object": b"{",
    "open string": b'{"account_id":"a',
    "open escape": b'{"account_id":"a\\',
    "no colon": b'{"account_id" "a"}',
    "no value": b'{"account_id":}',
    "no key": b'{:"a"}',
    "bare key": b'{account_id:"a"}',
    "single quotes": b"{'account_id':'a'}",
    "byte order mark": b'\xef\xbb\xbf{"account_id":"a"}',
    "utf-16": '{"account_id":"a"}'.encode("utf-16"),
    "nul byte": b"\x00",
    "avro": b"\x00\x00\x00\x00\x07\x08acme\x0aclick",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "100,000 open arrays": b'{"x":' + b"[" * 100_000,
    "100,000 arrays": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 objects": b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
}

# Members that make an otherwise good object malformed.
BROKEN_MEMBERS: dict[str, bytes] = {
    "trailing comma": b"",
    "NaN": b'"x":NaN',
    "nan": b'"x":nan',
    "Infinity": b'"x":Infinity',
    "-Infinity": b'"x":[1,-Infinity]',
    "leading zero": b'"x":01',
    "minus zero one": b'"x":-01',
    "plus": b'"x":+1',
    "no digit before the point": b'"x":.5',
    "no digit after the point": b'"x":1.',
    "no exponent": b'"x":1e',
    "hexadecimal": b'"x":0x10',
    "True": b'"x":True',
    "comment": b'"x":1/* one */',
    "unknown escape": rb'"x":"\q"',
    "short escape": rb'"x":"\u12"',
    "no hexadecimal digits": rb'"x":"\u12g4"',
    "line feed in a string": b'"x":"a\nb"',
    "nul in a string": b'"x":"a\x00b"',
    "control character in a key": b'"a\x1fb":1',
    "bad utf-8 in an unknown field": b'"x":"\xff"',
    "bad utf-8 in an unknown key": b'"\xc3":1',
    "overlong utf-8": b'"x":"\xc0\xaf"',
    "utf-8 of a surrogate": b'"x":"\xed\xa0\xbd"',
    "utf-8 beyond unicode": b'"x":"\xf5\x80\x80\x80"',
    "cut utf-8": b'"x":"\xe2\x82"',
    "bad utf-8 in a nested unknown field": b'"x":[{"y":"a\x80"}]',
    "lone high surrogate": rb'"x":"\ud83d"',
    "lone low surrogate": rb'"x":"\ude00 a"',
    "surrogates the wrong way round": rb'"x":"\ude00\ud83d"',
    "two high surrogates": rb'"x":"\ud83d\ud83d\ude00"',
    "lone surrogate in an unknown key": rb'"\uD83D":1',
    "lone surrogate in a nested key": rb'"x":{"y":[{"\udfff":1}]}',
    "high surrogate and another escape": rb'"x":"\ud83d\u0041"',
    "1,100 arrays deep": b'"x":' + b"[" * 1_100 + b"]" * 1_100,
    "1,100 objects deep": b'"x":' + b'{"y":' * 1_100 + b"1" + b"}" * 1_100,
    "arrays closed as an object": b'"x":[1}',
    "comma only": b'"x":[,]',
    "missing comma": b'"x":[1 2]',
    "value twice": b'"x":1 2',
    "blank that is none": '"x":\u00a01'.encode(),
}

# Members that say nothing the engine reads, and must not disturb.
HARMLESS_MEMBERS: dict[str, bytes] = {
    "1e999": b'"x":1e999',
    "-1e999": b'"x":-1E+999',
    "1e-999": b'"x":1e-999',
    "10,000 digits": b'"x":' + b"7" * 10_000,
    "10,000 digits after the point": b'"x":-0.' + b"3" * 10_000,
    "exponent of 1,000 digits": b'"x":1e' + b"9" * 1_000,
    "minus zero": b'"x":[-0,-0.0,0e0]',
    "100 arrays deep": b'"x":' + b"[" * 100 + b"]" * 100,
    "100 objects deep": b'"x":' + b'{"y":' * 100 + b"1" + b"}" * 100,
    "1,000 arrays deep": b'"x":' + b"[" * 1_000 + b"]" * 1_000,
    "surrogate pair": rb'"x":"\ud83d\ude00"',
    "surrogate pair in upper case": rb'"x":"\uD83D\uDE00"',
    "escaped backslash before u": rb'"x":"\\ud83d"',
    "nul as an escape": rb'"x":"\u0000"',
    "non-characters": b'"x":"\xef\xbf\xbf\xf4\x8f\xbf\xbf"',
    "delete character": b'"x":"\x7f"',
    "empty key": b'"":1',
    "all escapes": rb'"x":"\"\\\/\b\f\n\r\t\u00E9"',
    "unknown field twice": b'"x":1,"x":"2"',
    "blanks everywhere": b' \t\r\n"x" : [ 1 , { "y" : null } ] \n',
    "empty containers": b'"x":[[],{},""]',
    "long string": b'"x":"' + b"y" * 100_000 + b'"',
    "message of another schema": b'"Account_id":"other","ACTION":5',
}

BAD_IDS: dict[str, bytes] = {
    "empty": b'""',
    "257 characters": b'"' + b"a" * (LONGEST + 1) + b'"',
    "257 astral characters": b'"' + "\U0001f600".encode() * (LONGEST + 1) + b'"',
    "257 escapes": b'"' + rb"\u0061" * (LONGEST + 1) + b'"',
    "number": b"5",
    "huge number": b"1" + b"0" * 5_000,
    "float": b"1.5",
    "true": b"true",
    "false": b"false",
    "array": b'["a"]',
    "object": b'{"id":"a"}',
}

GOOD_IDS: dict[str, bytes] = {
    "one blank": b'" "',
    "256 characters": b'"' + b"a" * LONGEST + b'"',
    "256 astral characters": b'"' + "\U0001f600".encode() * LONGEST + b'"',
    "256 escaped pairs": b'"' + rb"\ud83d\ude01" * LONGEST + b'"',
    "nul": rb'"a\u0000b"',
    "line feeds": rb'"a\nb"',
    "umlaut composed": '"\u00fc"'.encode(),
    "umlaut decomposed": '"u\u0308"'.encode(),
    "the text null": b'"null"',
    "braces": b'"{engagement.actions/0}"',
}

BAD_MOMENTS: dict[str, bytes] = {
    "empty": b'""',
    "number": b"1700000000",
    "true": b"true",
    "array": b'["2023-11-01T00:00:00Z"]',
    "word": b'"yesterday"',
    "plain date": b'"2023-11-01"',
    "no offset": b'"2023-11-01T10:00:00"',
    "no seconds": b'"2023-11-01T10:00Z"',
    "blank as separator": b'"2023-11-01 10:00:00Z"',
    "underscore as separator": b'"2023-11-01_10:00:00Z"',
    "basic format": b'"20231101T100000Z"',
    "offset without colon": b'"2023-11-01T10:00:00+0200"',
    "offset of hours": b'"2023-11-01T10:00:00+02"',
    "offset of 24 hours": b'"2023-11-01T10:00:00+24:00"',
    "offset of 60 minutes": b'"2023-11-01T10:00:00+01:60"',
    "offset with seconds": b'"2023-11-01T10:00:00+01:00:00"',
    "typographic minus": '"2023-11-01T10:00:00\u221202:00"'.encode(),
    "two offsets": b'"2023-11-01T10:00:00ZZ"',
    "blank before the offset": b'"2023-11-01T10:00:00 Z"',
    "blank at the end": b'"2023-11-01T10:00:00Z "',
    "line feed at the end": rb'"2023-11-01T10:00:00Z\n"',
    "blank at the start": b'" 2023-11-01T10:00:00Z"',
    "24:00": b'"2023-11-01T24:00:00Z"',
    ":60": b'"2016-12-31T23:59:60Z"',
    "minute 60": b'"2023-11-01T10:60:00Z"',
    "month 0": b'"2023-00-01T10:00:00Z"',
    "month 13": b'"2023-13-01T10:00:00Z"',
    "day 0": b'"2023-11-00T10:00:00Z"',
    "31 November": b'"2023-11-31T10:00:00Z"',
    "29 February of a common year": b'"2023-02-29T10:00:00Z"',
    "29 February 1900": b'"1900-02-29T10:00:00Z"',
    "year 0": b'"0000-06-01T10:00:00Z"',
    "year 0 after conversion": b'"0001-01-01T00:00:00+00:01"',
    "year 10000": b'"10000-01-01T00:00:00Z"',
    "year 10000 after conversion": b'"9999-12-31T23:59:59-00:01"',
    "signed year": b'"+2023-11-01T10:00:00Z"',
    "two digits of year": b'"23-11-01T10:00:00Z"',
    "no fraction after the point": b'"2023-11-01T10:00:00.Z"',
    "comma": b'"2023-11-01T10:00:00,5Z"',
    "fraction of another script": '"2023-11-01T10:00:00.\u0665Z"'.encode(),
    "digits of another script": '"\u0662\u0660\u0662\u0663-11-01T10:00:00Z"'.encode(),
    "full-width digits": '"2023-11-0\uff11T10:00:00Z"'.encode(),
    "one digit of month": b'"2023-1-01T10:00:00Z"',
    "week date": b'"2023-W44-3T10:00:00Z"',
    "zone name": b'"2023-11-01T10:00:00 UTC"',
    "nul at the end": rb'"2023-11-01T10:00:00Z\u0000"',
}

# Ways to write moments of one day; {} is the day.
GOOD_MOMENTS: dict[str, str] = {
    "small letters": "{}t10:00:00z",
    "one digit of fraction": "{}T10:00:00.5Z",
    "nine digits of fraction": "{}T23:59:59.999999999Z",
    "forty digits of fraction": "{}T23:59:59." + "9" * 40 + "Z",
    "offset": "{}T12:00:00+02:00",
    "largest offset": "{}T23:59:00+23:59",
    "smallest offset": "{}T00:00:00-23:59",
    "minus zero": "{}T00:00:00-00:00",
    "last second": "{}T23:59:59Z",
    "escaped": "{}T10\\u003a00:00Z",
}


def shared_cases() -> Iterator[Case]:
    """Documents that neither topic takes, whatever they would say."""
    for name, document in NO_OBJECTS.items():
        yield Case(f"document: {name}", document, MALFORMED)


def action_cases(now: datetime) -> Iterator[Case]:
    """Actions whose verdict depends on nothing else in the log, all for accounts of their own where they count."""
    when = moment(now).encode()
    yield from shared_cases()
    yield Case("no value", None, MALFORMED)
    for name, member in BROKEN_MEMBERS.items():
        yield Case(f"member: {name}", members(b'"acme"', when, member), MALFORMED)
    for name, member in HARMLESS_MEMBERS.items():
        account = f"harmless: {name}"
        yield Case(account, members(f'"{account}"'.encode(), when, member), None, account, moment(now))
    yield from field_cases(when)
    yield from duplicate_cases(now)
    yield from moment_cases(now)
    yield from size_cases(now)


def field_cases(when: bytes) -> Iterator[Case]:
    good = {b"account_id": b'"acme"', b"action": b'"click"', b"timestamp": b'"' + when + b'"'}
    for field in good:
        others = [b'"' + name + b'":' + value for name, value in good.items() if name != field]
        yield Case(f"no {field!r}", b"{" + b",".join(others) + b"}", MISSING)
        yield Case(f"null {field!r}", b"{" + b",".join([*others, b'"' + field + b'":null']) + b"}", MISSING)
        bad_others = [b'"' + name + b'":5' for name in good if name != field]
        yield Case(f"no {field!r} and wrong others", b"{" + b",".join(bad_others) + b"}", MISSING)
    for field in (b"account_id", b"action", b"user_id", b"user_profile", b"message_id"):
        for name, value in BAD_IDS.items():
            document = {**good, field: value}
            text = b"{" + b",".join(b'"' + one + b'":' + other for one, other in document.items()) + b"}"
            yield Case(f"{field!r}: {name}", text, INVALID)
    yield Case("nothing in it", b"{}", MISSING)
    for name, value in BAD_MOMENTS.items():
        text = b'{"account_id":"acme","action":"click","timestamp":' + value + b"}"
        yield Case(f"timestamp: {name}", text, INVALID)
    yield Case("lone surrogate in an id", members(b'"' + SURROGATE + b'"', when), MALFORMED)
    yield Case("bad utf-8 in an id", members(b'"\xe4"', when), MALFORMED)
    yield Case("malformed and a field missing", b'{"action":"click","x":NaN}', MALFORMED)


def duplicate_cases(now: datetime) -> Iterator[Case]:
    when = moment(now)
    start = f'{{"action":"click","timestamp":"{when}",'
    yield Case("the last id counts", (start + '"account_id":"wrong","account_id":"last"}').encode(), None, "last", when)
    yield Case(
        "the last id has a type", (start + '"account_id":[1],"account_id":"typed"}').encode(), None, "typed", when
    )
    yield Case("the last id is null", (start + '"account_id":"a","account_id":null}').encode(), MISSING)
    yield Case("the last id is a number", (start + '"account_id":"a","account_id":1}').encode(), INVALID)
    escaped = start + '"account_id":"wrong","account\\u005fid":"escaped"}'
    yield Case("an escaped name is the same name", escaped.encode(), None, "escaped", when)
    yield Case(
        "a null option is absent", (start + '"account_id":"nulls","user_id":null}').encode(), None, "nulls", when
    )
    twice = start + '"account_id":"twice","user_id":7,"user_id":"u"}'
    yield Case("the last user counts", twice.encode(), None, "twice", when)
    last = start + '"account_id":"a","timestamp":"2023-11-01"}'
    yield Case("the last timestamp is wrong", last.encode(), INVALID)
    for name, value in GOOD_IDS.items():
        text = start.encode() + b'"account_id":' + value + b"}"
        yield Case(f"good id: {name}", text, None, decoded(value), when)


def decoded(literal: bytes) -> str:
    """The text of a JSON string that holds no escape but the ones used here."""
    text = literal.decode()[1:-1]
    return text.replace(r"\u0000", "\0").replace(r"\n", "\n").replace(r"\ud83d\ude01", "\U0001f601")


def moment_cases(now: datetime) -> Iterator[Case]:
    day = (now - timedelta(days=3)).strftime("%Y-%m-%d")
    for name, pattern in GOOD_MOMENTS.items():
        account, text = f"moment: {name}", pattern.format(day)
        value = f'{{"account_id":"{account}","action":"click","timestamp":"{text}"}}'
        yield Case(account, value.encode(), None, account, text.replace("\\u003a", ":"))
    soon, late = moment(now + timedelta(hours=23)), moment(now + timedelta(hours=25))
    yield Case("almost a day ahead", members(b'"ahead"', soon.encode()), None, "ahead", soon)
    yield Case("over a day ahead", members(b'"acme"', late.encode()), IN_FUTURE)
    yield Case("end of time", members(b'"acme"', b"9999-12-31T23:59:59Z"), IN_FUTURE)
    yield Case("ahead and no action", b'{"account_id":"a","timestamp":"9999-01-01T00:00:00Z"}', MISSING)


def size_cases(now: datetime) -> Iterator[Case]:
    when = moment(now)
    small = members(b'"large"', when.encode(), b'"x":""')
    room = MAX_RECORD_BYTES - len(small)
    yield Case("as large as may be", small.replace(b'""', b'"' + b"x" * room + b'"'), None, "large", when)
    yield Case("one byte too large", small.replace(b'""', b'"' + b"x" * (room + 1) + b'"'), TOO_LARGE)
    yield Case("too large with blanks", small + b" " * (room + 1), TOO_LARGE)
    yield Case("too large and no JSON", b"\xff" * (MAX_RECORD_BYTES + 1), TOO_LARGE)
    yield Case("large and no JSON", b"[" * MAX_RECORD_BYTES, MALFORMED)


def account_cases(now: datetime) -> Iterator[Case]:
    """Records of the accounts topic, those that hold for accounts of their own."""
    for case in shared_cases():
        yield Case(case.name, case.value, case.reason, key=b"a")
    for name, member in BROKEN_MEMBERS.items():
        yield Case(f"member: {name}", b'{"account_id":"a",' + member + b"}", MALFORMED, key=b"a")
    for name, member in HARMLESS_MEMBERS.items():
        key = f"record, harmless: {name}"
        value = b'{"account_id":"' + key.encode() + b'","status":"Gold",' + member + b"}"
        yield Case(key, value, None, key, key=key.encode(), record={"status": "Gold"})
    yield from account_key_cases()
    yield from account_field_cases()
    yield Case("one byte too large", b" " * (MAX_RECORD_BYTES - 1) + b"{}", TOO_LARGE, key=b"a")
    yield Case("too large without a key", b"x" * (MAX_RECORD_BYTES + 1), TOO_LARGE)
    later = moment(now + timedelta(days=30))
    created = f'{{"account_id":"later","created_at":"{later}"}}'
    yield Case("created after every run", created.encode(), None, "later", key=b"later", record={"created_at": later})


def account_key_cases() -> Iterator[Case]:
    good = b'{"account_id":"a","status":"Gold"}'
    for name, key in {
        "none": None,
        "empty": b"",
        "another": b"b",
        "upper case": b"A",
        "with a blank": b"a ",
        "bad utf-8": b"\xff",
        "quoted": b'"a"',
    }.items():
        yield Case(f"key: {name}", good, INVALID, key=key)
    yield Case("null without a key", None, MISSING)
    yield Case("null with a key of bad utf-8", None, INVALID, key=b"\xff\xfe")
    yield Case("null with a key of 257 characters", None, INVALID, key=b"a" * (LONGEST + 1))
    yield Case("no id and no key", b'{"status":"Gold"}', MISSING)
    yield Case("null id", b'{"account_id":null}', MISSING, key=b"a")
    yield Case("nothing in it", b"{}", MISSING, key=b"a")
    yield Case("no id and a wrong status", b'{"status":5}', MISSING, key=b"a")
    yield Case("malformed without a key", b"{", MALFORMED)


def account_field_cases() -> Iterator[Case]:
    wrong: dict[str, dict[str, bytes]] = {
        "account_id": BAD_IDS,
        "status": BAD_IDS,
        "effective_at": BAD_MOMENTS,
        "created_at": {name: value for name, value in BAD_MOMENTS.items() if name != "plain date"}
        | {
            "31 November alone": b'"2023-11-31"',
            "year 0 alone": b'"0000-01-01"',
            "date with a blank": b'"2023-11-01 "',
            "date of digits": b'"20231101"',
            "half a date": b'"2023-11"',
        },
        "licenses": {
            "minus one": b"-1",
            "fraction": b"1.5",
            "float": b"1.0",
            "exponent": b"1e3",
            "text": b'"5"',
            "true": b"true",
            "array": b"[5]",
            "2^53": b"9007199254740992",
            "2^64 + 5": b"18446744073709551621",
            "10,000 digits": b"1" + b"0" * 10_000,
            "1e999": b"1e999",
        },
        "attributes": {"array": b"[]", "text": b'"{}"', "number": b"1", "false": b"false"},
    }
    for field, values in wrong.items():
        for name, value in values.items():
            account = b"" if field == "account_id" else b'"account_id":"a",'
            yield Case(f"{field}: {name}", b"{" + account + f'"{field}":'.encode() + value + b"}", INVALID, key=b"a")
    right = {
        "licenses": (b"0", b"9007199254740991", b"null"),
        "attributes": (b"{}", b'{"tier":{"deep":[1,2,{}]},"":1e999}', b"null"),
        "status": (b"null", *GOOD_IDS.values()),
        "created_at": (b'"2023-11-01"', b'"2024-02-29"', b'"2023-11-01T23:30:00-02:00"', b"null"),
        "effective_at": (b'"2023-11-01t00:00:00z"', b'"0001-01-01T00:00:00Z"', b"null"),
    }
    for field, literals in right.items():
        for number, literal in enumerate(literals):
            key = f"record, {field} {number}"
            value = b'{"account_id":"' + key.encode() + b'",' + f'"{field}":'.encode() + literal + b"}"
            said = int(literal) if literal.isdigit() else decoded(literal) if literal.startswith(b'"') else None
            yield Case(key, value, None, key, key=key.encode(), record={field: said})
