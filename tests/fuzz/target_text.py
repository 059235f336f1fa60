"""Fuzz target: any octets decode under any data_coding; any text that is cut into parts comes back from them."""

from draws import Draws

from protocol.reading import read_text
from protocol.segments import TooManyParts, count, read_header
from protocol.text import Encoding, NotEncodable, decode_gsm, encode_gsm, encode_ucs2, encoding_of, septets
from protocol.writing import TextWay, write

LONGEST_INPUT = 2048


def check(octets: bytes) -> None:
    draws = Draws(octets)
    data_coding = draws.number()
    body = draws.rest()
    shown, _ = read_text(body, data_coding, False, TextWay())
    assert len(shown) <= 2 * len(body) + 1
    shown.replace("\0", "").encode()  # as it goes into the store
    header = read_header(body)
    assert header is None or (1 <= header.length <= len(body) and 1 <= header.part <= header.total <= 255)
    _check_gsm(body)
    _check_parts(body.decode("utf-8", "surrogateescape"), data_coding)


def _check_gsm(body: bytes) -> None:
    text = decode_gsm(body)
    if "\ufffd" not in text:
        again = encode_gsm(text)
        assert decode_gsm(again) == text
        assert len(again) <= 2 * len(body)


def _check_parts(text: str, reference: int) -> None:
    try:
        encoding = encoding_of(text)
        parts = write(text, encoding, TextWay(), reference)
    except NotEncodable as fault:
        assert text[fault.position - 1] == fault.character
        assert 0xD800 <= ord(fault.character) <= 0xDFFF
        return
    except TooManyParts as fault:
        assert fault.parts > 255
        return
    assert count(text, encoding) == len(parts) == parts[0].total
    pieces = [part.short_message[6 if part.total > 1 else 0 :] for part in parts]
    joined = b"".join(pieces)
    assert all(len(part.short_message) <= (160 if encoding is Encoding.GSM7 else 140) for part in parts)
    if encoding is Encoding.GSM7:
        assert len(joined) == septets(text)
        assert "".join(map(decode_gsm, pieces)) == text
    else:
        assert joined == encode_ucs2(text)
        assert "".join(piece.decode("utf-16-be") for piece in pieces) == text


def seeds() -> list[bytes]:
    texts = ["Hello", "{[€]}" * 60, "Привет" * 30, "😀" * 80, "\x1b\x1b", "ÀÉ" * 70, "\ud800"]
    bodies = [text.encode("utf-8", "surrogatepass") for text in texts]
    return [bytes((coding,)) + body for coding in (0, 1, 5, 6, 7, 8, 10, 13, 14, 0xE0, 0xF4) for body in bodies]
