from protocol.numbers import BIND_IDS, RESPONSE_BIT, BindMode, CommandId, EsmClass, Tlv
from protocol.pdus import HEADER_ONLY, BindRequest, DataSm, DeliverSm, Outbind, SubmitSm


def test_octets_are_the_short_message_before_the_payload():
    assert DeliverSm(short_message=b"short", tlvs={Tlv.MESSAGE_PAYLOAD: b"long"}).octets == b"short"
    assert DeliverSm(tlvs={Tlv.MESSAGE_PAYLOAD: b"long"}).octets == b"long"
    assert SubmitSm().octets == b""


def test_octets_of_data_sm_are_its_payload():
    assert DataSm(tlvs={Tlv.MESSAGE_PAYLOAD: b"long"}).octets == b"long"
    assert DataSm().octets == b""


def test_no_two_pdus_share_their_tlvs():
    first, second = DeliverSm(), DeliverSm()
    first.tlvs[Tlv.MESSAGE_STATE] = b"\2"
    assert second.tlvs == {}


def test_a_repr_shows_neither_password_nor_text():
    bind = BindRequest(BindMode.RECEIVER, "acme", "hunter2")
    shown = repr((bind, Outbind("telco", "hunter2"), SubmitSm(short_message=b"1234"), DataSm(tlvs={0x424: b"1234"})))
    assert "hunter2" not in shown
    assert "1234" not in shown


def test_submit_sm_and_deliver_sm_of_equal_fields_are_not_equal():
    assert SubmitSm() != DeliverSm()
    assert (SubmitSm.command_id, DeliverSm.command_id) == (CommandId.SUBMIT_SM, CommandId.DELIVER_SM)


def test_every_response_id_is_its_request_id_with_the_response_bit():
    for command_id in CommandId:
        if command_id.name.endswith("_RESP"):
            assert command_id == CommandId[command_id.name.removesuffix("_RESP")] | RESPONSE_BIT


def test_every_mode_has_its_bind():
    assert {mode: command_id.name for mode, command_id in BIND_IDS.items()} == {
        mode: f"BIND_{mode.name}" for mode in BindMode
    }


def test_header_only_pdus_have_an_id_of_their_own():
    assert len({kind.command_id for kind in HEADER_ONLY}) == len(HEADER_ONLY) == 6


def test_message_types_lie_within_their_mask():
    types = (
        EsmClass.RECEIPT,
        EsmClass.SME_ACK,
        EsmClass.MANUAL_ACK,
        EsmClass.CONVERSATION_ABORT,
        EsmClass.INTERMEDIATE_NOTIFICATION,
    )
    assert all(kind & EsmClass.MESSAGE_TYPE_MASK == kind for kind in types)
    assert not EsmClass.MESSAGE_TYPE_MASK & (EsmClass.UDHI | EsmClass.REPLY_PATH)
