"""What is wrong now, each with what to do: the first thing on the overview, and in short on every page.

Read off what others have found (alarms, carriers, the store's last counts); nothing is asked of the disk for it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from gateway.api.alarms_call import AlarmsView
from gateway.console.frame import Notice
from gateway.console.pages.carriers import CARD
from gateway.desk.carriers_view import CarrierView
from gateway.flows.alarms import Raised
from gateway.rules.alarms import words
from gateway.rules.timestamps import rfc3339
from gateway.settings.alerts import OperatorEvent

_CARRIERS, _WEBHOOKS = "/console/carriers", "/console/webhooks"


class Finding(NamedTuple):
    """One thing that is not as it should be."""

    tone: str
    """`bad`: messages or events wait or are lost for it; `warn`: somebody should look; `calm`: meant to be so."""
    words: str
    todo: str
    href: str
    link: str
    """What the page behind `href` is."""
    since: str | None = None
    """RFC 3339."""
    heading: str = ""
    """Of the runbook."""


class Remedy(NamedTuple):
    """What to do about an alarm."""

    tone: str
    todo: str
    href: str
    """`{}` in it: what the alarm is about."""
    link: str
    heading: str


REMEDIES: Mapping[OperatorEvent, Remedy] = {
    OperatorEvent.CARRIER_DOWN: Remedy(
        "bad",
        "Its messages go by other carriers of their routes, or wait. Look at the last error of its binds: an address "
        "or a password is yours to correct; what the carrier refuses or does not answer is to be asked of it.",
        CARD,
        "Its binds",
        "Carrier down",
    ),
    OperatorEvent.BREAKER_OPENED: Remedy(
        "bad",
        "The carrier answers badly or late, so others get its messages. It is tried again by itself; ask the carrier "
        "if it lasts, and rebind once it says that it is well.",
        CARD,
        "Its breaker",
        "Breaker opened",
    ),
    OperatorEvent.BACKLOG_OLD: Remedy(
        "bad",
        "More comes than carriers take. Look whether a carrier is down, throttles or has too small a window.",
        _CARRIERS,
        "Carriers",
        "Backlog old",
    ),
    OperatorEvent.DELIVERY_SLOW: Remedy(
        "warn",
        "Carriers take messages and deliver them late. Compare them, and move the traffic of the slow one.",
        _CARRIERS,
        "Carriers",
        "Delivery slow",
    ),
    OperatorEvent.RECEIPTS_LOW: Remedy(
        "warn",
        "Messages are taken and their receipts do not come. See that a bind receives, then ask the carrier.",
        CARD,
        "Its binds",
        "Receipts low",
    ),
    OperatorEvent.ENDPOINT_FAILING: Remedy(
        "warn",
        "Its events are kept and tried again. Tell the account what its endpoint answers.",
        _WEBHOOKS,
        "What it answers",
        "Endpoint failing",
    ),
    OperatorEvent.ENDPOINT_DISABLED: Remedy(
        "bad",
        "It said 410: nothing is told to it any more. Ask the account, then enable it; what waits is told then.",
        _WEBHOOKS,
        "Enable it",
        "Endpoint disabled",
    ),
    OperatorEvent.DISK_LOW: Remedy(
        "bad",
        "Make room, or let less be kept (retention). At the reserve no more messages are taken.",
        "/console",
        "",
        "Disk low",
    ),
    OperatorEvent.QUEUE_HELD: Remedy(
        "warn",
        "Nothing of it is sent until you say so. See what a restart would send again, then release it or end it.",
        "/console/held",
        "The held queue",
        "Queue held",
    ),
}
"""By what is raised; their headings are the runbook's."""


class LookedAt(Protocol):
    """What of the store is looked at."""

    @property
    def doubts_seen(self) -> int: ...
    def refusal(self) -> str | None: ...


class Amiss:
    """All that is."""

    def __init__(
        self,
        store: LookedAt,
        alarms: AlarmsView,
        carriers: Callable[[], Sequence[CarrierView]],
        held: Callable[[], Mapping[str, Any] | None],
        is_draining: Callable[[], bool],
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._carriers = carriers
        self._held = held
        self._is_draining = is_draining

    def findings(self) -> list[Finding]:
        """The worst first; of the same kind, what began first."""
        found = [*self._of_the_gateway(), *self._of_alarms(), *self._of_carriers(), *self._of_doubts()]
        tones = ("bad", "warn", "calm")
        return sorted(found, key=lambda finding: tones.index(finding.tone))

    def notices(self) -> list[Notice]:
        """The same in short, for other pages: what is bad, and what is held."""
        found = self.findings()
        bad = [finding for finding in found if finding.tone == "bad"]
        notices = [Notice(finding.words, finding.href, finding.tone) for finding in bad[:2]]
        if len(bad) > 2:
            notices.append(Notice(f"{len(bad) - 2} more things are wrong", "/console", "bad"))
        kept = [
            finding for finding in found if finding.heading in (REMEDIES[OperatorEvent.QUEUE_HELD].heading, "Drain")
        ]
        return notices + [Notice(one.words, one.href, one.tone) for one in kept if one not in bad]

    def _of_the_gateway(self) -> Iterable[Finding]:
        refusal = self._store.refusal()
        if refusal == "disk":
            todo = "Make room on the disk of the store: submissions get 503 until there is."
            yield Finding(
                "bad", "No message is taken: the disk is full to its reserve.", todo, "/console", "", None, "Disk low"
            )
        elif refusal == "backlog":
            todo = "As many wait as the limit allows: submissions get 503. See why carriers do not take them."
            yield Finding(
                "bad", "No message is taken: the queue is full.", todo, _CARRIERS, "Carriers", None, "Backlog old"
            )
        held = self._held()
        if held is not None:
            words_ = f"A restored queue is held: {held['total']:,} messages wait for you to release or end them."
            remedy = REMEDIES[OperatorEvent.QUEUE_HELD]
            yield Finding(remedy.tone, words_, remedy.todo, remedy.href, remedy.link, held["since"], remedy.heading)
        if self._is_draining():
            todo = "Submissions get 503; the queue goes on. `sluice drain --undo` takes messages again."
            yield Finding("warn", "The gateway drains: no new message is taken.", todo, "/console", "", None, "Drain")

    def _of_alarms(self) -> Iterable[Finding]:
        for alarm in self._alarms.raised():
            # With how many they are, it is told of the gateway.
            if alarm.kind is not OperatorEvent.QUEUE_HELD or self._held() is None:
                yield _of_alarm(alarm)

    def _of_carriers(self) -> Iterable[Finding]:
        told = {alarm.subject for alarm in self._alarms.raised() if alarm.kind is OperatorEvent.CARRIER_DOWN}
        for carrier in self._carriers():
            href = CARD.format(carrier.name)
            if carrier.held is not None:
                how = "paused" if carrier.held.how == "pause" else "drained"
                why = f": {carrier.held.why}" if carrier.held.why else "."
                words_ = f"Carrier {carrier.name} is {how} by {carrier.held.who.removeprefix('operator:')}{why}"
                todo = "Its messages go by others of their routes, or wait. Resume it when it may have them again."
                yield Finding("calm", words_, todo, href, "Resume it", rfc3339(carrier.held.since))
            elif not carrier.able and carrier.name not in told:
                remedy = REMEDIES[OperatorEvent.CARRIER_DOWN]
                since = min((bind.since for bind in carrier.binds), default=None)
                words_ = f"Carrier {carrier.name} can't send: none of its binds is up."
                at = None if since is None else rfc3339(since)
                yield Finding("bad", words_, remedy.todo, href, remedy.link, at, remedy.heading)

    def _of_doubts(self) -> Iterable[Finding]:
        count = self._store.doubts_seen
        if count:
            are = "1 message is" if count == 1 else f"{count:,} messages are"
            todo = "The carrier may or may not have them. Late answers, receipts or the lane settle most; you can, too."
            yield Finding(
                "warn", f"{are} in doubt.", todo, "/console/doubts", "Those in doubt", None, "SluiceDoubtsRise"
            )


def _of_alarm(alarm: Raised) -> Finding:
    remedy = REMEDIES[alarm.kind]
    said = words(alarm.kind, alarm.subject)
    return Finding(
        remedy.tone,
        f"{said[:1].upper()}{said[1:]}.",
        remedy.todo,
        remedy.href.format(alarm.subject),
        remedy.link,
        rfc3339(alarm.since),
        remedy.heading,
    )
