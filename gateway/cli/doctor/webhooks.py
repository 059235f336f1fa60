"""Webhooks: whether every account's endpoint, and the operators', can be reached; no event is posted."""

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.cli.doctor.reaching import Reached

NAME = "webhooks"
_find = Findings(NAME)
_DAYS_SOON = 14
_SLOW_SECONDS = 2.0


async def check(case: Case) -> list[Finding]:
    found = [_judged(one) for one in await case.reaching.all()]
    without = [account.name for account in case.settings.accounts.values() if account.webhook is None]
    return found + [_find.note(f"accounts.{name}", "has no webhook: it is told of nothing") for name in without]


def _judged(reached: Reached) -> Finding:
    origin = reached.endpoint.origin
    host = "" if origin is None else f" ({origin.host}:{origin.port})"
    about = f"{reached.endpoint.about}{host}"
    if reached.refusal is not None:
        remedy = 'give a public https address, or allow the network: [webhooks] allow_networks = ["10.0.0.0/8"]'
        return _find.fault(about, f"may not be posted to: {reached.refusal}", remedy)
    if reached.failure is not None:
        remedy = "ask whether the endpoint is up; look at DNS and at the firewall on the way out"
        return _find.fault(about, f"can't be reached: {reached.failure}", remedy)
    if reached.tls_failure is not None:
        remedy = "its owner has to renew or mend the certificate (with its chain); if it is new, look at our clock"
        return _find.fault(about, f"TLS: {reached.tls_failure}", remedy)
    seen = f"connected after {reached.seconds * 1000:.0f} ms"
    if reached.days_left is not None:
        seen += f", certificate has {reached.days_left:.0f} days left"
        if reached.days_left < _DAYS_SOON:
            return _find.warning(about, seen, "tell its owner to renew the certificate")
    if reached.seconds > _SLOW_SECONDS:
        return _find.warning(about, seen, "look at DNS and the way there: each new connection takes that long")
    return _find.ok(about, seen)
