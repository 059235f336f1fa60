"""Pure decisions: checks, numbers, senders, routing, the deal, retries, causes. No I/O, no clock."""
