"""What a carrier gets to see, and what becomes of messages when it answers oddly: pains 7, 20, 24 to 29, 34, 38 to 41.

A carrier for each; all messages are accepted first, so that what waits for a retry waits beside the others.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from pain_stages import Pain, PainStage, staged
from scripted_smsc import Link, Submit

pytestmark = pytest.mark.scenario

QUEUE_FULL, SYSTEM_ERROR, WRONG_DESTINATION = 0x14, 0x08, 0x0B
GSM = "Hello @£$¥ñÄö"
GSM_OCTETS = b"Hello \x00\x01\x02\x03\x7d\x5b\x7c"
LATIN = "Hello £ ñ Äö"
LONG = "Hello " * 60
EURO = "Hello" + "€" * 200
EMOJI = "Hello " + "🙂плошча" * 30


def accept(submit: Submit, message_id: str | None = None) -> None:
    message_id = message_id or f"{submit.number[1:]}-{submit.sequence}"
    submit.answer(message_id)
    smsc = submit.link.smsc
    smsc.later(0.05, lambda: smsc.receipt(submit, message_id))


def first_time(answer: Callable[[Submit], None], part: int = 1) -> Callable[[Submit], None]:
    """Answer the first try of a part so, and take everything else."""
    tries: Counter[tuple[str, int]] = Counter()

    def script(submit: Submit) -> None:
        tries[submit.number, submit.part] += 1
        if submit.part == part and tries[submit.number, part] == 1:
            answer(submit)
        else:
            accept(submit)

    return script


def with_status(status: int, *, body: bool = True) -> Callable[[Submit], None]:
    return lambda submit: submit.answer(status=status, body=body)


def with_tlvs(submit: Submit) -> None:
    """congestion_state, a private TLV and one that ends too early, behind the id."""
    submit.answer("A1", tlvs=bytes.fromhex("0428 0001 20 1400 0002 0102 0424 00ff 00"))
    submit.link.smsc.receipt(submit, "A1")


def never(link: Link, _command: int, _sequence: int) -> None:
    link.cut()


PAINS: dict[str, Pain] = {
    "throttled part": Pain(first_time(with_status(QUEUE_FULL), part=2), {}),
    "part in error": Pain(first_time(with_status(SYSTEM_ERROR), part=2), {"binds": 2}),
    "queue full": Pain(first_time(with_status(QUEUE_FULL)), {}),
    "error with body": Pain(with_status(WRONG_DESTINATION), {}),
    "error without body": Pain(with_status(WRONG_DESTINATION, body=False), {}),
    "temporary error without body": Pain(first_time(with_status(SYSTEM_ERROR, body=False)), {}),
    "odd tlvs": Pain(with_tlvs, {}),
    "never bound": Pain(accept, {"reconnect_ceiling": "50ms"}, on_bind=never, able=False),
    "plain": Pain(accept, {"binds": 2}),
    "gsm7": Pain(accept, {}),
    "packed": Pain(accept, {"packed": True}),
    "latin1": Pain(accept, {"alphabet": "latin1"}),
    "latin9": Pain(accept, {"alphabet": "latin9", "data_coding": 3}),
    "241": Pain(accept, {"data_coding": 241}),
    "ascii": Pain(accept, {"alphabet": "ascii"}),
    "udh16": Pain(accept, {"long_messages": "udh16"}),
    "sar": Pain(accept, {"long_messages": "sar"}),
    "payload": Pain(accept, {"long_messages": "payload"}),
    "plus and ton": Pain(accept, {"keep_plus": True, "source_ton": 3, "dest_npi": 8}),
}


class Sent(NamedTuple):
    pain: str
    text: str = "Hello"
    fields: Mapping[str, Any] = MappingProxyType({})


SENT: dict[str, Sent] = {
    **{name: Sent(name) for name in PAINS},
    "throttled part": Sent("throttled part", LONG),
    "part in error": Sent("part in error", LONG + LONG),
    "never bound": Sent("never bound", fields={"validity": 3}),
    "twelve parts": Sent("plain", "Hello, " * 250),
    "the same number again": Sent("plain", "Hello; " * 40),
    "and again": Sent("plain", "Hello. " * 40),
    "from a number": Sent("plain", fields={"from": "34600000000"}),
    "gsm7": Sent("gsm7", GSM),
    "packed": Sent("packed", "hellohello"),
    "latin1": Sent("latin1", LATIN),
    "latin9": Sent("latin9", "Hello € ñ"),
    "241": Sent("241", GSM),
    "ascii": Sent("ascii", "Hello you"),
    "euro": Sent("gsm7", EURO),
    **{f"emoji {how}": Sent(how, EMOJI) for how in ("gsm7", "udh16", "sar", "payload")},
    "plus and ton": Sent("plus and ton", fields={"from": "34600000000"}),
}


class Told(NamedTuple):
    stage: PainStage
    messages: dict[str, dict[str, Any]]

    def submits(self, name: str, status: str = "delivered") -> list[Submit]:
        """What its carrier got of a message, in order, once that had ended."""
        message = self.messages[name]
        self.stage.webhooks.wait(message, status)
        return self.stage.smscs[SENT[name].pain].submits.all(lambda submit: submit.number == message["to"])

    def seen(self, name: str) -> dict[str, Any]:
        return self.stage.gateway.message(self.messages[name]["id"])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with staged(tmp_path_factory.mktemp("submits"), PAINS) as stage:
        messages = {}
        for n, (name, sent) in enumerate(SENT.items()):
            same = 1 if name in ("twelve parts", "the same number again", "and again") else 100 + n
            messages[name] = stage.send(sent.pain, sent.text, same, **sent.fields)
        yield Told(stage, messages)


def parts_of(submits: list[Submit]) -> list[int]:
    return [submit.part for submit in submits]


def test_pain_7_a_throttled_part_does_not_forget_the_receipt_of_another(told):
    assert parts_of(told.submits("throttled part")) == [1, 2, 3, 2]
    assert [part["status"] for part in told.seen("throttled part")["parts"]] == ["delivered"] * 3


def test_pain_20_a_full_queue_is_waited_for_and_costs_no_try(told):
    assert len(told.submits("queue full")) == 2
    assert told.stage.webhooks.told(told.messages["queue full"]) == ["sent", "delivered"]


def test_pain_24_sequence_numbers_begin_at_1_are_never_used_twice_and_differ_for_each_part(told):
    for name in SENT:
        told.stage.webhooks.wait(told.messages[name], "delivered", "failed", "expired")
    for smsc in told.stage.smscs.values():
        numbers = Counter((id(submit.link), submit.sequence) for submit in smsc.submits.all())
        assert max(numbers.values(), default=1) == 1
        assert all(1 <= sequence <= 0x7FFFFFFF for _, sequence in numbers)


@pytest.mark.parametrize("name", ["error with body", "error without body"])
def test_pain_25_an_error_ends_a_message_whatever_its_body(told, name):
    assert len(told.submits(name, "failed")) == 1
    assert told.seen(name)["error"]["carrier_code"]["command_status"] == "ESME_RINVDSTADR"


def test_pain_25_a_temporary_error_without_a_body_is_tried_again(told):
    assert len(told.submits("temporary error without body")) == 2


def test_pain_26_tlvs_that_make_no_sense_behind_an_id_cost_neither_answer_nor_bind(told):
    assert len(told.submits("odd tlvs")) == 1
    assert told.seen("odd tlvs")["parts"][0]["carrier_message_id"] == "A1"
    assert len(told.stage.smscs["odd tlvs"].binds) == 1


def test_pain_27_only_the_part_that_failed_goes_again_and_parts_go_in_order_on_one_bind(told):
    submits = told.submits("part in error")
    assert parts_of(submits) == [1, 2, 3, 4, 5, 2]
    assert len({submit.link for submit in submits[:5]}) == 1
    assert len({submit.reference for submit in submits}) == 1
    assert [part["attempts"] for part in told.seen("part in error")["parts"]] == [1, 2, 1, 1, 1]


def test_pain_27_long_messages_to_one_number_have_references_of_their_own(told):
    names = ("twelve parts", "the same number again", "and again")
    for name in names:
        told.submits(name)
    submits = told.submits("twelve parts")
    assert len(submits) == sum(told.messages[name]["segments"] for name in names)
    texts = {}
    for reference in {submit.reference for submit in submits}:
        of_it = sorted((s for s in submits if s.reference == reference), key=lambda submit: submit.part)
        texts[reference] = b"".join(submit.text for submit in of_it).decode("ascii")
    assert sorted(texts.values()) == sorted(SENT[name].text for name in names)


def test_pain_28_a_text_of_twelve_parts_goes_out_whole(told):
    assert told.messages["twelve parts"]["segments"] == 12
    assert Counter(s.parts for s in told.submits("twelve parts"))[12] == 12


def test_pain_29_a_bulk_is_one_submit_for_each_recipient(told):
    numbers = [told.stage.number("plain", 500 + n) for n in range(20)]
    messages = told.stage.gateway.send_bulk([{"to": number, "text": "Hello"} for number in numbers])
    told.stage.webhooks.wait_for_each(messages, "delivered")
    arrived = [submit.number for submit in told.stage.smscs["plain"].submits.all()]
    assert [arrived.count(number) for number in numbers] == [1] * 20
    assert len({told.stage.gateway.message(m["id"])["parts"][0]["carrier_message_id"] for m in messages}) == 20


def test_pain_34_what_waits_for_a_carrier_that_is_never_bound_is_not_tried_and_expires_in_silence(told):
    assert told.submits("never bound", "expired") == []
    seen = told.seen("never bound")
    assert (seen["attempts"], [step["what"] for step in seen["timeline"]]) == (0, ["accepted", "expired", "webhook"])
    lines = told.stage.gateway.process.errors.all(lambda line: told.messages["never bound"]["id"] in line)
    assert len(lines) < 10


@pytest.mark.parametrize(
    ("name", "octets", "data_coding"),
    [
        ("gsm7", GSM_OCTETS, 0),
        ("packed", bytes.fromhex("E8329BFD4697D9EC37"), 0),
        ("latin1", LATIN.encode("latin-1"), 0),
        ("latin9", "Hello € ñ".encode("iso8859-15"), 3),
        ("241", GSM_OCTETS, 241),
        ("ascii", b"Hello you", 0),
    ],
)
def test_pain_38_a_text_goes_out_in_what_data_coding_0_means_to_its_carrier(told, name, octets, data_coding):
    (submit,) = told.submits(name)
    assert (submit.octets, submit.data_coding) == (octets, data_coding)


@pytest.mark.parametrize("how", ["gsm7", "udh16", "sar", "payload"])
def test_pain_39_ucs2_is_big_endian_without_a_mark_and_whole_in_every_part(told, how):
    submits = told.submits(f"emoji {how}")
    texts = [submit.text.decode("utf-16-be") for submit in sorted(submits, key=lambda submit: submit.part)]
    assert "".join(texts) == EMOJI
    assert "\ufeff" not in texts[0]
    assert {submit.data_coding for submit in submits} == {8}
    assert len(submits) == (1 if how == "payload" else told.messages[f"emoji {how}"]["segments"])


def test_pain_40_no_escape_pair_is_cut_and_the_parts_sent_are_those_counted(told):
    submits = told.submits("euro")
    assert len(submits) == told.messages["euro"]["segments"] > 1
    assert not any(submit.text.endswith(b"\x1b") for submit in submits)
    assert b"".join(submit.text for submit in submits) == b"Hello" + b"\x1b\x65" * 200


def test_pain_41_type_and_plan_follow_the_sender_and_the_carriers_rules(told):
    (word,), (number,), (special,) = (told.submits(name) for name in ("241", "from a number", "plus and ton"))
    assert (word.source, word.source_addr_ton, word.source_addr_npi) == ("SHOP", 5, 0)
    assert (number.source, number.source_addr_ton, number.source_addr_npi) == ("34600000000", 1, 1)
    assert (number.destination[0], number.dest_addr_ton, number.dest_addr_npi) == ("3", 1, 1)
    assert (special.source_addr_ton, special.dest_addr_npi) == (3, 8)
    assert (special.source, special.destination[0]) == ("+34600000000", "+")
