"""Bodies put together from parts are what the codec writes, and what it refuses is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import encode
from protocol.errors import LocalProtocolError
from protocol.fields import HEADER_LENGTH
from protocol.pdus import SubmitSm
from protocol.submit_bodies import submit_body, submit_head, submit_tail


def text(size: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=size - 1)


OCTET = st.integers(0, 255)
HEAD = {
    "service_type": text(6),
    "source_addr_ton": OCTET,
    "source_addr_npi": OCTET,
    "source_addr": text(21),
    "dest_addr_ton": OCTET,
    "dest_addr_npi": OCTET,
}
TAIL = {
    "esm_class": OCTET,
    "protocol_id": OCTET,
    "priority_flag": OCTET,
    "schedule_delivery_time": text(17),
    "validity_period": text(17),
    "registered_delivery": OCTET,
    "replace_if_present_flag": OCTET,
    "data_coding": OCTET,
    "sm_default_msg_id": OCTET,
}
OWN = {"destination_addr": text(21), "short_message": st.binary(max_size=254)}


def of(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


@given(of(HEAD), of(TAIL), of(OWN), st.builds(SubmitSm, **HEAD, **TAIL, **OWN))
def test_a_body_from_parts_of_any_two_submits_is_what_the_codec_writes(head, tail, own, other):
    one, two = SubmitSm(**head), SubmitSm(**tail)
    body = submit_body(submit_head(one), own["destination_addr"], submit_tail(two), own["short_message"])
    assert body == encode(SubmitSm(**head, **tail, **own))[HEADER_LENGTH:]
    whole = submit_body(submit_head(other), other.destination_addr, submit_tail(other), other.short_message)
    assert whole == encode(other)[HEADER_LENGTH:]


@pytest.mark.parametrize(("address", "reason"), [("1" * 21, "at most 20"), ("1\x002", "NUL"), ("€", "latin-1")])
def test_an_address_that_does_not_fit_is_refused_not_cut(address, reason):
    with pytest.raises(LocalProtocolError, match=reason):
        submit_body(submit_head(SubmitSm()), address, submit_tail(SubmitSm()), b"")


def test_a_short_message_beyond_254_octets_is_refused():
    with pytest.raises(LocalProtocolError, match="254"):
        submit_body(submit_head(SubmitSm()), "1", submit_tail(SubmitSm()), bytes(255))


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(LocalProtocolError, match="source_addr"):
        submit_head(SubmitSm(source_addr="x" * 21))
    with pytest.raises(LocalProtocolError, match="validity_period"):
        submit_tail(SubmitSm(validity_period="x" * 17))
