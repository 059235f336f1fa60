"""What accounts answer who opts out, comes back or asks for help: a text of the settings as a message of the account.

When one is due the store decides, in the transaction of what the handset wrote (store/consents/keyword_messages).
"""

import logging

from gateway.flows.account_checks import checks_of
from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.faults import ItemErrors
from gateway.rules.keywords import KeywordKind
from gateway.settings import Settings

LANE = "transactional"
"""A confirmation is no advertisement, whatever the account mostly sends."""
_log = logging.getLogger("sluice.store")


class KeywordReplies:
    """Called with account, number written to, handset, kind and now in milliseconds."""

    def __init__(self, settings: Settings) -> None:
        self._texts = {
            (name, kind): text
            for name, account in settings.accounts.items()
            for kind, text in (
                (KeywordKind.STOP, account.stop_reply),
                (KeywordKind.START, account.start_reply),
                (KeywordKind.HELP, account.help_reply),
            )
            if text is not None
        }
        self._checks = checks_of(settings, ItemCheck, settings.limits.schedule_ahead) if self._texts else {}

    def __call__(self, account: str, number: str, handset: str, kind: KeywordKind, now: int) -> Checked | None:
        """The message, or None where nothing is answered or nothing can be."""
        text = self._texts.get((account, kind))
        if text is None:
            return None
        item = {"from": number, "to": handset, "text": text, "allow_unicode": True}
        checked = self._checks[account].check({**item, "lane": LANE}, now)
        if isinstance(checked, ItemErrors):
            checked = self._checks[account].check(item, now)  # no route may take that lane
        if isinstance(checked, ItemErrors):
            codes = ",".join(sorted({code for found in checked.codes.values() for code in found}))
            _log.warning("a keyword is not answered account=%s kind=%s codes=%s", account, kind.value, codes)
            return None
        return checked
