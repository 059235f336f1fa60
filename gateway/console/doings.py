"""What the words of the audit mean: each thing that can be done by hand, as a sentence goes on after a name. Pure."""

_WORDS = {
    "cancel": "canceled a message",
    "replay": "told events again",
    "settle_doubt": "settled a doubt",
    "reveal": "looked at numbers and text",
    "enable_endpoint": "enabled a webhook",
    "test_event": "sent a test event",
    "trace_shown": "traced a carrier with numbers and texts",
    "put_template": "saved a template",
    "delete_template": "deleted a template",
    "pause_campaign": "paused a campaign",
    "resume_campaign": "resumed a campaign",
    "cancel_campaign": "canceled a campaign",
    "put_opt_out": "added an opt-out",
    "delete_opt_out": "removed an opt-out",
    "import_opt_outs": "imported opt-outs",
    "put_opt_in": "added an opt-in",
    "delete_opt_in": "removed an opt-in",
    "import_opt_ins": "imported opt-ins",
    "reload": "reloaded the settings",
    "pause_carrier": "paused a carrier",
    "drain_carrier": "drained a carrier",
    "resume_carrier": "resumed a carrier",
    "rebind_carrier": "had a carrier bind again",
    "drain_gateway": "drained the gateway",
    "undrain_gateway": "ended the gateway's drain",
    "stop_gateway": "stopped the gateway",
    "backup": "took a backup",
    "restore": "restored a backup",
    "release_held": "released held messages",
    "end_held": "ended held messages",
}


def in_words(what: str) -> str:
    """`settled a doubt` of `settle_doubt`; what has no words here reads as it is written, without underscores."""
    return _WORDS.get(what, what.replace("_", " "))


def label_of(who: str) -> str:
    """`anna` of `operator:anna`; `account shop` of `account:shop`, who is somebody outside."""
    kind, _, name = who.partition(":")
    if not name:
        return kind
    return name if kind == "operator" else f"{kind} {name}"
