"""How carriers stand, in the words of an explanation."""

from collections.abc import Collection, Mapping

from gateway.desk.carriers_view import CarriersView, CarrierView
from gateway.flows.explain import States
from gateway.rules.explanations import NOT_THERE, CarrierSaid
from gateway.rules.timestamps import rfc3339


def states_of(view: CarriersView) -> States:
    """What an Explainer asks."""

    def said(carriers: Collection[str]) -> Mapping[str, CarrierSaid]:
        known = {one.name: one for one in view.carriers() if one.name in carriers}
        return {name: _said(known[name]) if name in known else NOT_THERE for name in carriers}

    return said


def _said(carrier: CarrierView) -> CarrierSaid:
    held = carrier.held
    if held is not None:
        why = f" ({held.why})" if held.why else ""
        words = f"held by {held.who.removeprefix('operator:')} since {rfc3339(held.since)}, {held.how}{why}"
        return CarrierSaid(False, words, to_accounts="is held by its operator")
    if carrier.alarm is not None:
        return CarrierSaid(False, f"refuses our binds: {carrier.alarm}")
    if not carrier.able:
        last = next((bind.last_error for bind in carrier.binds if bind.last_error), None)
        return CarrierSaid(False, f"no bind can send{'' if last is None else f': {last}'}")
    breaker = carrier.breaker
    if breaker is None or breaker.state == "closed":
        return CarrierSaid(True, "able to send")
    why = f" ({breaker.cause}: {breaker.detail})" if breaker.cause else ""
    words = f"breaker {breaker.state.replace('_', ' ')}{why}"
    is_silent = breaker.cause == "silence" and breaker.state in {"open", "half_open"}
    return CarrierSaid(is_silent or breaker.state != "open", words, is_silent)
