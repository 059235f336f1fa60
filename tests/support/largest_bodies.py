"""Bodies of the largest size that is taken, full of what costs most to read: each with what is answered to it.

Tests hold the answers; what they cost is in tests/benchmarks/test_largest_bodies.py.
"""

LIMIT = 2 * 1024 * 1024


def filled(item: bytes, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """As many of the item as the limit holds, in an array."""
    count = (LIMIT - 2 * len(opening + closing)) // (len(item) + 1)
    return opening + b",".join([item] * count) + closing


def bulk_of(item: bytes) -> bytes:
    """500 of the item."""
    return b"[" + b",".join([item] * 500) + b"]"


_GOOD = b'{"to":"+34600000001","text":"%b"}'
POSTS: dict[str, tuple[str, bytes, int]] = {
    "empty lists": ("/v1/sms/bulk", filled(b"[]"), 413),
    "empty objects": ("/v1/sms/bulk", filled(b"{}"), 413),
    "numbers": ("/v1/sms/bulk", filled(b"1"), 413),
    "strings": ("/v1/sms/bulk", filled(b'""'), 413),
    "surrogates": ("/v1/sms/bulk", filled(b'"\\ud800"'), 413),
    "short objects": ("/v1/sms/bulk", filled(b'{"a":1}'), 413),
    "500 lists of lists": ("/v1/sms/bulk", bulk_of(filled(b"[]")[:4190].rpartition(b",")[0] + b"]"), 413),
    "500 with unknown fields": (
        "/v1/sms/bulk", bulk_of(b"{" + b",".join(b'"fi%02x":1' % n for n in range(200)) + b"}"), 413,
    ),
    "as many members as are taken": (
        "/v1/sms/bulk", bulk_of(b"{" + b",".join(b'"fi%02x" :1' % n for n in range(38)) + b"}"), 201,
    ),
    "as many lists as are taken": ("/v1/sms/bulk", bulk_of(b"[" + b",".join([b"[]"] * 19) + b"]"), 201),
    "500 long texts": ("/v1/sms/bulk", bulk_of(_GOOD % (b"x" * 4100)), 201),
    "500 long texts in Greek": ("/v1/sms/bulk", bulk_of(_GOOD % ("λ" * 2050).encode()), 201),
    "500 texts of commas": ("/v1/sms/bulk", bulk_of(_GOOD % (b"," * 1500)), 201),
    "500 texts of escapes": ("/v1/sms/bulk", bulk_of(_GOOD % (rb"\u20ac" * 680)), 201),
    "brackets": ("/v1/sms", b"[" * LIMIT, 400),
    "brackets that close": ("/v1/sms", b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2), 400),
    "braces": ("/v1/sms", b'{"a":' * (LIMIT // 5), 400),
    "lists in a field": ("/v1/sms", filled(b"[]", b'{"to":[', b"]}"), 413),
    "members": ("/v1/sms", b"{" + b",".join(b'"%06x":1' % n for n in range(190_000)) + b"}", 413),
    "members with blanks": ("/v1/sms", b"{" + b",".join(b'"%06x" :1' % n for n in range(170_000)) + b"}", 413),
    "one text": ("/v1/sms", _GOOD % (b"x" * (LIMIT - 50)), 422),
    "one text in Greek": ("/v1/sms", _GOOD % ("λ" * (LIMIT // 2 - 50)).encode(), 422),
    "one text of escapes": ("/v1/sms", _GOOD % (rb"\u20ac" * (LIMIT // 6 - 10)), 422),
    "one text of surrogates": ("/v1/sms", _GOOD % (rb"\ud800" * (LIMIT // 6 - 10)), 422),
    "one text of quotes": ("/v1/sms", _GOOD % (rb"\"" * (LIMIT // 2 - 50)), 422),
    "a text of quotes and commas": (
        "/v1/sms", _GOOD % (b"," * 20_000 + rb"\"" * (LIMIT // 2 - 10_100)), 422,
    ),
    "one number to send to": ("/v1/sms", b'{"to":"+%b","text":"x"}' % (b"3" * (LIMIT - 50)), 422),
    "one name": ("/v1/sms", b'{"%b":1}' % (b"x" * (LIMIT - 50)), 422),
    "digits": ("/v1/sms", b'{"validity":%b}' % (b"9" * (LIMIT - 50)), 400),
    "digits of a fraction": ("/v1/sms", b'{"validity":0.%b}' % (b"9" * (LIMIT - 50)), 400),
    "digits of a large float": ("/v1/sms", b'{"validity":%be1}' % (b"1" * (LIMIT - 50)), 400),
    "long integers": ("/v1/sms/bulk", filled(b"9" * 4299), 400),
    "long floats": ("/v1/sms/bulk", filled(b"1." + b"9" * 4297), 400),
    "blanks": ("/v1/sms", b'{"to":"+34600000001","text":"x"' + b" " * (LIMIT - 50) + b"}", 201),
    "quotes": ("/v1/sms", b'"' * LIMIT, 400),
    "colons": ("/v1/sms", b":" * LIMIT, 400),
    "octets": ("/v1/sms", b"\xff" * LIMIT, 400),
}  # fmt: skip
"""Path, body and status of the answer."""
DECODED: dict[str, tuple[bytes, bool]] = {
    "a member twice among many": (b"{" + b",".join(b'"%x":1' % n for n in range(190_000)) + b',"2e62f":2}', False),
    "lists": (b"[" + b"[]," * 650_000 + b"[]]", True),
    "surrogates": (b'["\\ud800",' + b'"\\ud800",' * 200_000 + b"1]", True),
    "integers": (b"[" + (b"9" * 4_299 + b",") * 470 + b"1]", True),
    "quotes": (b'"' * 2_000_000, False),
    "blanks": (b'"a" ' + b" " * 2_000_000 + b":", False),
    "digits": (b'{"a":' + b"1" * 2_000_000 + b"e1}", False),
}
"""Each with whether it is JSON; the decoder gets no such thing before it was looked through."""
