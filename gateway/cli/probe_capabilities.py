"""What a carrier does with what not all take: long messages, user_message_reference, query_sm. Pure."""

from collections.abc import Iterator

from gateway.cli.probe_observed import Observed, Sent
from gateway.cli.probe_trials import long_label
from protocol.command_status import name_of
from protocol.receipt_keys import exact_key
from protocol.segments import LongMessages


def profile(observed: Observed) -> dict[str, object]:
    """The keys in which the carrier shows itself different from profile generic."""
    learned: dict[str, object] = {"query_sm": True} if _tells_state(observed) else {}
    forms = [form for form in LongMessages if _is_taken(observed, form)]
    if forms and LongMessages.UDH8 not in forms:
        learned["long_messages"] = forms[0].value
    return learned


def findings(observed: Observed) -> Iterator[str]:
    """What the carrier does with what not all take."""
    for form in LongMessages:
        parts = _parts_of(observed, form)
        if _is_taken(observed, form):
            yield f"a long message by {form.value} is taken"
        elif parts:
            words = ", ".join(dict.fromkeys(_status(sent.status) for sent in parts))
            yield f"a long message by {form.value} is not taken: {words}"
    for sent in observed.sent:
        if sent.reference is not None:
            yield _reference(sent, observed)
    if (queried := observed.queried) is not None:
        what = "set query_sm = true" if _tells_state(observed) else "leave query_sm = false"
        told = f", message_state {queried.told.message_state}" if queried.told is not None else ""
        yield f"query_sm of the first id: {_status(queried.status)}{told}; {what}"


def _parts_of(observed: Observed, form: LongMessages) -> list[Sent]:
    label = long_label(form)
    return [sent for sent in observed.sent if sent.label == label]


def _is_taken(observed: Observed, form: LongMessages) -> bool:
    parts = _parts_of(observed, form)
    return bool(parts) and all(sent.status == 0 for sent in parts)


def _reference(sent: Sent, observed: Observed) -> str:
    if sent.status != 0:
        return f"user_message_reference is not taken: {_status(sent.status)}; leave it false"
    receipts = [heard.receipt for heard in observed.receipts if heard.sent is sent]
    if not receipts:
        return "user_message_reference is taken; no receipt tells whether it comes back"
    if any(receipt.reference == sent.reference for receipt in receipts):
        return "user_message_reference is taken, and comes back in the receipt"
    return "user_message_reference is taken, and does not come back in the receipt: it finds no messages"


def _tells_state(observed: Observed) -> bool:
    """Whether the answer to query_sm was right: of the message that was asked about, with a state that says something.

    SMPP 3.4 §5.2.28; UNKNOWN (7) tells nothing.
    """
    queried = observed.queried
    if queried is None or queried.status != 0 or queried.told is None:
        return False
    is_same = exact_key(queried.told.message_id) == exact_key(queried.message_id)
    return is_same and queried.told.message_state in (1, 2, 3, 4, 5, 6, 8)


def _status(status: int | None) -> str:
    return "no answer" if status is None else name_of(status)
