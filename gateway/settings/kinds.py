"""How each setting comes into force at a reload: at once, with other binds, or at the next start. A table.

docs/operations/reloading.md tells the same to operators; what differs between two configurations is changes.py's.
"""

from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """What it takes."""

    LIVE = "at once"
    BINDS = "binds are added or leave"
    REBIND = "binds are made anew, one after the other"
    RESTART = "needs a restart"


_LIVE = {
    "": "include countries_file",
    "http": "trusted_proxies stream_idle",
    "operator": "tokens webhook",
    "store": "backlog_limit",
    "retention": "text messages events idempotency",
    "webhooks": "allow_networks timeout horizon",
    "alerts": "receipt_rate receipt_window delivery_window endpoint_failures disk_low well_for",
    "opt_outs": "stop start help",
    "limits": "bulk_items schedule_ahead campaign_schedule_ahead campaign_recipients_json campaign_recipients "
    "guaranteed_share",
    "lookup": "url token_file token timeout cache keep concurrency networks_file",
    "lanes": "name priority validity in_doubt text_kept doubt_grace max_tries retry_floor retry_ceiling "
    "retry_undelivered rate duplicate_window opt_out opt_in alert_backlog_age alert_delivery_time quiet_hours",
    "countries": "alphanumeric registered_senders fallback_sender quiet_hours quiet_hours_on quiet_days quiet_dates "
    "time_zone",
    "carriers": "name profile outbind_from password_file window adaptive_window submit_rate submit_rate_per_bind "
    "throttle_pause enquire_link_idle enquire_link_timeout enquire_link_misses response_timeout bind_timeout "
    "connect_timeout unbind_timeout messages_per_session inactivity_timeout reconnect_floor reconnect_ceiling "
    "receipt_timezone receipt_horizon message_id receipts_of text_receipts receipt_errors on_status on_receipt "
    "source_ton source_npi dest_ton dest_npi keep_plus service_type priority_flags validity_period "
    "schedule_delivery_time alphabet data_coding ucs2_data_coding packed national_tables long_messages max_parts tlvs "
    "message_tlvs user_message_reference unroutable_inbound query_sm cancel_sm breaker breaker_errors breaker_latency "
    "breaker_pause breaker_return receipt_silence receipt_silence_least",
    "routes": "name match tiers strategy overflow_after prices explore quality_window",
    "accounts": "name tokens senders default_sender default_region default_lane number_check bare_digits landlines "
    "registered_senders fallback_senders unicode opt_out_scope stop_reply start_reply help_reply limits webhook",
}
_REBIND = {
    "carriers": "hosts hosts_order local_address tls system_id password system_type address_range interface_version "
    "mode strict_window one_pdu_per_write",
}
_BINDS = {"carriers": "binds"}
_RESTART = {
    "http": "listen submit_listen body_limit campaign_body_limit campaign_upload_limit",
    "operator": "listen",
    "process": "cpus",
    "store": "url disk_reserve",
    "webhooks": "connections",
    "lookup": "most",
    "carriers": "outbind_listen trace_file",
}


def _table() -> dict[tuple[str, str], Kind]:
    by_kind = ((Kind.LIVE, _LIVE), (Kind.REBIND, _REBIND), (Kind.BINDS, _BINDS), (Kind.RESTART, _RESTART))
    return {
        (section, key): kind for kind, sections in by_kind for section, keys in sections.items() for key in keys.split()
    }


KINDS: Mapping[tuple[str, str], Kind] = _table()
"""By section (of `carriers`, `lanes` and such: of each) and key; the section of a key that stands in none is empty."""


def keys_of(section: str, kind: Kind) -> list[str]:
    """The keys of a section that are of this kind."""
    return [key for (of, key), found in KINDS.items() if of == section and found is kind]
