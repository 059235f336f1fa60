-- The store is the queue. A row's `due` is when the sweep looks at it next, at the latest: it is moved only where it
-- would come too late, so that the usual way of a message never touches its index. Partial indexes hold only what is
-- looked for, so they stay as small as the work at hand.

CREATE TABLE queues (
    id INTEGER PRIMARY KEY,
    lane TEXT NOT NULL,
    route TEXT NOT NULL,
    account TEXT NOT NULL,
    campaign INTEGER NOT NULL DEFAULT 0,
    stay TEXT NOT NULL DEFAULT '',     -- a long message whose first parts went there
    avoid TEXT NOT NULL DEFAULT '',    -- a retry that should go elsewhere first
    unfit TEXT NOT NULL DEFAULT '',    -- carriers that can't carry these texts the way they take them: `telco#5f3a0c11`
    held INTEGER NOT NULL DEFAULT 0,   -- the row in holds since which nothing of it is dealt; 0: it is dealt
    ready INTEGER NOT NULL DEFAULT 0 CHECK (ready >= 0),
    UNIQUE (lane, route, account, campaign, stay, avoid, unfit, held)
) STRICT;

-- What restores held: whatever was open in their backups, until it is released or ended by hand.
CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,            -- when it was restored
    backup TEXT NOT NULL,              -- its file's name
    backup_at INTEGER NOT NULL,        -- of when it tells
    released INTEGER NOT NULL DEFAULT 0            -- 1: all of it was, and its queues are dealt as any
) STRICT;

-- What an operator wants done with what is held, until all of it is: a few rows in a transaction.
CREATE TABLE held_orders (
    id INTEGER PRIMARY KEY,
    what TEXT NOT NULL,                -- `release` or `end`
    filters TEXT NOT NULL,             -- of what, as JSON
    done INTEGER NOT NULL DEFAULT 0    -- messages, campaigns and events so far
) STRICT;

-- Events that are held; none of an endpoint but these.
CREATE TABLE held_events (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    endpoint INTEGER NOT NULL
) STRICT;

CREATE INDEX held_events_of_account ON held_events (account, id);

-- Campaigns that are held: paused, and not to be resumed by their accounts.
CREATE TABLE held_campaigns (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    state INTEGER NOT NULL             -- how it stood in the backup
) STRICT;

-- In a backup: when it was taken. A store has none.
CREATE TABLE taken (
    at INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE endpoints (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    url TEXT NOT NULL,                 -- of a webhook_url only its origin: its events carry their own url
    own INTEGER NOT NULL,              -- 1: the account's configured endpoint; 0: webhook_urls of messages
    enabled INTEGER NOT NULL DEFAULT 1,
    disabled_reason TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    resume_at INTEGER NOT NULL DEFAULT 0,
    last_success_at INTEGER,
    last_failure_at INTEGER,
    UNIQUE (account, own, url)
) STRICT;

CREATE UNIQUE INDEX endpoints_own ON endpoints (account) WHERE own = 1;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    submission INTEGER NOT NULL,
    request_id INTEGER NOT NULL,
    queue INTEGER NOT NULL REFERENCES queues (id),
    state INTEGER NOT NULL,
    due INTEGER,                       -- NULL once the message has ended and its text is erased
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT,
    text_erased_at INTEGER,
    encoding TEXT NOT NULL,
    segments INTEGER NOT NULL,
    country TEXT,
    allow_unicode INTEGER NOT NULL,
    client_id TEXT,
    tag TEXT,
    scheduled_at INTEGER,
    expires_at INTEGER NOT NULL,
    sent_at INTEGER,
    done_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    throttles INTEGER NOT NULL DEFAULT 0,
    claims INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    possible_duplicate INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    endpoint INTEGER,
    webhook_url TEXT,
    last_event INTEGER,
    options TEXT,                      -- what was asked of the text, as JSON; NULL: nothing, as a rule
    writing TEXT,                      -- how it was cut and by whom it was given back, as JSON; NULL: as usual
    variant TEXT,                      -- which of its text's variants was chosen; NULL: it has none, as a rule
    CHECK (due IS NOT NULL OR (state >= 10 AND text IS NULL))
) STRICT;

CREATE INDEX messages_ready ON messages (queue, id) WHERE state = 1;
-- Scheduled or waiting for a retry: what a canceled campaign ends at once, however late their time would come.
CREATE INDEX messages_waiting ON messages (queue, id) WHERE state IN (0, 2);
CREATE INDEX messages_due ON messages (due) WHERE due IS NOT NULL;
CREATE INDEX messages_by_recipient ON messages (recipient);
CREATE INDEX messages_in_doubt ON messages (id) WHERE state = 4;
CREATE INDEX messages_given_up ON messages (recipient) WHERE state = 17 OR possible_duplicate = 1;
CREATE INDEX messages_erased ON messages (done_at) WHERE text IS NULL;
CREATE INDEX messages_of_url ON messages (endpoint) WHERE webhook_url IS NOT NULL;
CREATE UNIQUE INDEX messages_client_id ON messages (account, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE attempts (
    message INTEGER NOT NULL,
    part INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    bind TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    answered_at INTEGER,
    latency_ms INTEGER,
    command_status INTEGER,
    carrier_message_id TEXT,
    id_key TEXT,
    retry_at INTEGER,
    done_at INTEGER,
    receipt_state TEXT,                -- of the receipt that ended it, as are the next
    receipt_id INTEGER,                -- in one order with those of 'receipts'
    receipt_at INTEGER,
    receipt_bind TEXT,
    receipt_matched TEXT,
    receipt_raw TEXT,
    err TEXT,
    network_error TEXT,
    error TEXT,                        -- our code for the cause
    reference INTEGER,                 -- told in user_message_reference, where the carrier's receipts give it back
    number_end TEXT,                   -- of what is or was in doubt, the last 7 digits of its recipient
    parts INTEGER,                     -- of the cut that it is of; NULL: as many as the message has now
    PRIMARY KEY (message, part, attempt)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_by_id_key ON attempts (carrier, id_key) WHERE id_key IS NOT NULL;
CREATE INDEX attempts_by_reference ON attempts (carrier, reference) WHERE reference IS NOT NULL;
CREATE INDEX attempts_submitting ON attempts (carrier, message) WHERE state = 3;
CREATE INDEX attempts_in_doubt ON attempts (carrier, number_end) WHERE state = 4;
-- Handed over more than a day from when their message got its id: scheduled, in a long queue, tried again, or by a clock
-- that was set meanwhile. All others of a period are found by their messages' ids.
CREATE INDEX attempts_late ON attempts (carrier, claimed_at) WHERE abs(claimed_at - (message >> 20)) > 86400000;
CREATE INDEX attempts_sent_by_hand ON attempts (carrier, number_end) WHERE state = 5 AND answered_at IS NULL;

-- Claims of messages of one segment that go out for the first time: the intent to send them, before a byte is written.
-- Their attempts are written with their answers, or sooner where something becomes of them without one.
CREATE TABLE claims_in_hand (
    id INTEGER PRIMARY KEY,
    carrier TEXT NOT NULL,
    bind TEXT NOT NULL,
    at INTEGER NOT NULL,
    members TEXT NOT NULL              -- messages, as JSON; the row goes with the last of them
) STRICT;

-- Receipts that ended nothing: of a state on the way, or after the end. Those that did stand in their attempt.
CREATE TABLE receipts (
    message INTEGER NOT NULL,
    id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    bind TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    err TEXT,
    matched TEXT NOT NULL,
    raw TEXT NOT NULL,
    PRIMARY KEY (message, id)
) STRICT, WITHOUT ROWID;

-- Of them all, those whose raw text may quote their message: it is erased once the message's text is.
CREATE TABLE quoting_receipts (
    message INTEGER NOT NULL,
    receipt INTEGER NOT NULL,
    due INTEGER NOT NULL,              -- when it is looked at whether the text is erased
    PRIMARY KEY (message, receipt)
) STRICT, WITHOUT ROWID;

CREATE INDEX quoting_receipts_due ON quoting_receipts (due);

-- What a carrier is asked, or was, about a segment that it took.
CREATE TABLE enquiries (
    message INTEGER NOT NULL,
    part INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind INTEGER NOT NULL,             -- 0 query_sm, 1 cancel_sm
    carrier TEXT NOT NULL,
    raised_at INTEGER NOT NULL,        -- when there was last a reason to ask
    due INTEGER,                       -- when to ask next; NULL: it is settled
    tries INTEGER NOT NULL,            -- since raised_at
    asked_at INTEGER,                  -- the last time, as are the next
    bind TEXT,
    latency_ms INTEGER,
    command_status INTEGER,            -- NULL: no answer came
    message_state INTEGER,             -- of query_sm_resp
    PRIMARY KEY (message, part, attempt, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX enquiries_due ON enquiries (carrier, kind, due) WHERE due IS NOT NULL;

-- Receipts whose message is not known yet, or never will be.
CREATE TABLE parked (
    id INTEGER PRIMARY KEY,
    carrier TEXT NOT NULL,
    bind TEXT NOT NULL,
    carrier_message_id TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    state TEXT NOT NULL,
    receipt BLOB NOT NULL,
    raw TEXT NOT NULL
) STRICT;

CREATE INDEX parked_due ON parked (due);
CREATE INDEX parked_by_source ON parked (carrier, substr(source, -7));
CREATE INDEX parked_by_destination ON parked (carrier, substr(destination, -7));

CREATE TABLE parked_keys (
    carrier TEXT NOT NULL,
    key TEXT NOT NULL,
    parked INTEGER NOT NULL,
    converted INTEGER NOT NULL,
    PRIMARY KEY (carrier, key, parked)
) STRICT, WITHOUT ROWID;

CREATE INDEX parked_keys_by_parked ON parked_keys (parked);

CREATE TABLE inbound (
    id INTEGER PRIMARY KEY,
    account TEXT,
    carrier TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT,
    encoding TEXT NOT NULL,
    parts INTEGER NOT NULL,
    complete INTEGER NOT NULL,         -- 0: parts never came, and the text shows where they lack
    at INTEGER NOT NULL,
    event INTEGER,
    text_due INTEGER,                  -- when it is looked at whether the text may be erased; NULL once it is
    text_erased_at INTEGER,
    CHECK (text_due IS NOT NULL OR text IS NULL)
) STRICT;

CREATE INDEX inbound_text_due ON inbound (text_due) WHERE text_due IS NOT NULL;
CREATE INDEX inbound_untold ON inbound (id) WHERE event IS NULL;
CREATE INDEX inbound_of_account ON inbound (account, id) WHERE account IS NOT NULL;

-- Long inbound messages whose parts come one by one. One that was told stays for a while, so that a part that comes
-- again is known.
CREATE TABLE inbound_sets (
    id INTEGER PRIMARY KEY,            -- that of its first part to come; the inbound message gets it
    carrier TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    kind INTEGER NOT NULL,             -- of reference
    reference INTEGER NOT NULL,
    total INTEGER NOT NULL,
    account TEXT,
    missing INTEGER NOT NULL,
    at INTEGER NOT NULL,               -- of the latest part
    told_at INTEGER,
    due INTEGER NOT NULL               -- when it is told as it is; once told, when it is forgotten
) STRICT;

CREATE INDEX inbound_sets_by_name ON inbound_sets (carrier, sender, recipient, reference, kind, total);
CREATE INDEX inbound_sets_due ON inbound_sets (due);
CREATE INDEX inbound_sets_open ON inbound_sets (carrier, due) WHERE told_at IS NULL;

CREATE TABLE inbound_parts (
    inbound_set INTEGER NOT NULL,
    part INTEGER NOT NULL,
    digest BLOB NOT NULL,
    data_coding INTEGER NOT NULL,
    has_header INTEGER NOT NULL,
    octets BLOB,                       -- as it came; NULL once the message was told
    PRIMARY KEY (inbound_set, part)
) STRICT, WITHOUT ROWID;

-- What the sets of a carrier that are not told yet hold.
CREATE TABLE inbound_held (
    carrier TEXT PRIMARY KEY,
    sets INTEGER NOT NULL,
    octets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    endpoint INTEGER NOT NULL,
    type TEXT NOT NULL,
    message INTEGER,
    prior INTEGER,                     -- the message's event before this one: they are told in order
    state INTEGER NOT NULL,            -- -1 held, 0 blocked by prior, 1 pending, 2 in a delivery, 3 delivered, 4 failed
    delivery INTEGER,                  -- its own id, or a row in deliveries that it is or was of
    pending_since INTEGER NOT NULL,
    told_at INTEGER,                   -- if a first try of its own told it: such have no row in webhook_tries
    http_status INTEGER,
    latency_ms INTEGER,
    url TEXT,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX events_pending ON events (endpoint, id) WHERE state = 1;
CREATE INDEX events_blocked ON events (endpoint, prior) WHERE state = 0;
CREATE INDEX events_of_account ON events (account, id);
CREATE INDEX events_of_url ON events (endpoint) WHERE url IS NOT NULL;
CREATE INDEX events_failed ON events (account, id) WHERE state = 4;
CREATE INDEX events_of_opt_outs ON events (message) WHERE type = 'recipient.opt_out';

-- One webhook POST with its retries: an event, or a batch that keeps its members and their order.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    endpoint INTEGER NOT NULL,
    batched INTEGER NOT NULL,
    members BLOB NOT NULL,             -- event ids, 8 octets each, big-endian, in order
    created_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    under_way INTEGER NOT NULL,        -- 1: handed to the webhook client
    due INTEGER,                       -- when to try again
    CHECK (under_way = 0 OR due IS NULL)
) STRICT;

CREATE INDEX deliveries_due ON deliveries (endpoint, due) WHERE due IS NOT NULL;
CREATE INDEX deliveries_under_way ON deliveries (endpoint) WHERE under_way = 1;

-- Single events whose first try is under way have no row in deliveries: none of them is before this one.
CREATE TABLE first_tries (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    since INTEGER NOT NULL
) STRICT;

INSERT INTO first_tries (id, since) VALUES (1, 0);

CREATE TABLE webhook_tries (
    delivery INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    http_status INTEGER,
    latency_ms INTEGER NOT NULL,
    error TEXT,
    PRIMARY KEY (delivery, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    submission INTEGER NOT NULL,
    answer BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_expiry ON idempotency (expires_at);

-- What the lines of a stream were answered under its idempotency key: a row for each ask that filed some of them.
CREATE TABLE stream_lines (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    first INTEGER NOT NULL,            -- number of its first line
    submission INTEGER NOT NULL,
    digests BLOB NOT NULL,             -- 16 octets of each line from the first on; zeros: it has no answer here
    messages BLOB NOT NULL,            -- 8 octets of each: its message's id; zero: refused
    refusals BLOB NOT NULL,            -- why, as JSON; empty: none was
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, key, first)
) STRICT, WITHOUT ROWID;

CREATE INDEX stream_lines_expiry ON stream_lines (expires_at);

-- What was accepted of each account in a UTC day, counted from 1970, and what its campaigns sent then.
CREATE TABLE usage (
    day INTEGER NOT NULL,
    account TEXT NOT NULL,
    messages INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    PRIMARY KEY (day, account)
) STRICT, WITHOUT ROWID;

-- What was accepted in lanes with a duplicate_window. The key of the digest is not in this file.
CREATE TABLE recent_texts (
    account TEXT NOT NULL,
    lane TEXT NOT NULL,
    digest BLOB NOT NULL,              -- of number and text
    message INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, lane, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX recent_texts_expiry ON recent_texts (expires_at);

-- Campaigns: their recipients wait here, and become messages as their queue runs low.
CREATE TABLE campaigns (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    request_id INTEGER NOT NULL,
    state INTEGER NOT NULL,            -- CampaignState; from 10 on it has ended
    definition TEXT NOT NULL,
    key TEXT,                          -- idempotency key; NULL: none, or it was begun again under it
    fingerprint BLOB,                  -- of the whole upload; NULL until all of it was read
    accepted INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0,
    opted_out INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,            -- accepted, and no message yet
    canceled_waiting INTEGER NOT NULL DEFAULT 0,   -- accepted, and never a message, since it was canceled
    expanded_to INTEGER NOT NULL DEFAULT -1,       -- position of the last recipient that became a message
    scheduled_at INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    created_at INTEGER NOT NULL,
    failure TEXT,
    settled INTEGER NOT NULL DEFAULT 0,            -- 1: it has ended, and so has every message of it
    recipients_kept INTEGER NOT NULL DEFAULT 1,    -- 0: erased, after the end
    CHECK (settled = 0 OR finished_at IS NOT NULL)
) STRICT;

CREATE INDEX campaigns_of_account ON campaigns (account, id);
CREATE UNIQUE INDEX campaigns_key ON campaigns (account, key) WHERE key IS NOT NULL;
CREATE INDEX campaigns_unsettled ON campaigns (id) WHERE settled = 0;
CREATE INDEX campaigns_with_recipients ON campaigns (id) WHERE finished_at IS NOT NULL AND recipients_kept = 1;
CREATE INDEX campaigns_settled ON campaigns (finished_at) WHERE settled = 1 AND recipients_kept = 0;

CREATE TABLE campaign_recipients (
    campaign INTEGER NOT NULL,
    position INTEGER NOT NULL,         -- in the upload
    recipient TEXT NOT NULL,
    route TEXT NOT NULL,
    sender TEXT NOT NULL,
    country TEXT,
    fields TEXT NOT NULL,              -- for the variables of its text, as JSON
    PRIMARY KEY (campaign, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX campaign_recipients_once ON campaign_recipients (campaign, recipient);

CREATE TABLE campaign_errors (
    campaign INTEGER NOT NULL,
    position INTEGER NOT NULL,
    errors BLOB NOT NULL,              -- `fields` and `codes` as JSON
    PRIMARY KEY (campaign, position)
) STRICT, WITHOUT ROWID;

-- The messages of a campaign by their public status, kept in the transactions that change it.
CREATE TABLE campaign_counts (
    campaign INTEGER NOT NULL,
    status TEXT NOT NULL,              -- `opt_out`: of recipients after they were written to
    variant TEXT,
    messages INTEGER NOT NULL
) STRICT;

CREATE INDEX campaign_counts_of ON campaign_counts (campaign, status, variant);

CREATE TABLE templates (
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,                -- texts by locale, required fields and defaults, as JSON
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- Whom an account may not write to. A number stands as in messages, a sender without its plus; '': whichever sender.
CREATE TABLE opt_outs (
    account TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL,
    source TEXT NOT NULL,              -- `inbound` where the handset said so, else what the account calls it
    keyword TEXT,
    evidence TEXT,
    inbound INTEGER,                   -- the inbound message that said it
    message INTEGER,                   -- the last that the account had sent there
    PRIMARY KEY (account, recipient, sender)
) STRICT, WITHOUT ROWID;

-- Who agreed to be written to, for lanes that require it.
CREATE TABLE opt_ins (
    account TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    evidence TEXT,
    PRIMARY KEY (account, recipient, sender)
) STRICT, WITHOUT ROWID;

-- When a handset was last answered a keyword of a kind, so that two machines don't answer each other for ever.
CREATE TABLE keyword_replies (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (account, recipient, kind)
) STRICT;

CREATE INDEX keyword_replies_at ON keyword_replies (at);

-- What is amiss at present and was told; the row goes with its end. So two starts tell it once.
CREATE TABLE alarms (
    kind TEXT NOT NULL,                -- the event that raised it
    subject TEXT NOT NULL,
    since INTEGER NOT NULL,
    event INTEGER,                     -- that told it: its end is told behind it
    data TEXT NOT NULL,                -- figures, as JSON
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

-- Carriers that an operator holds, until one lets them go.
CREATE TABLE carrier_holds (
    carrier TEXT PRIMARY KEY,
    how TEXT NOT NULL CHECK (how IN ('pause', 'drain')),
    since INTEGER NOT NULL,            -- milliseconds UTC
    who TEXT NOT NULL,                 -- as in audit
    why TEXT
) STRICT, WITHOUT ROWID;

-- What people changed by hand, never what a message says. Rows are added, and go when retention has said that all
-- before them may; nothing else changes them.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,                 -- `account:NAME`, `operator:NAME` or `operator`
    request_id INTEGER,
    what TEXT NOT NULL,
    outcome TEXT,
    message INTEGER,
    event INTEGER,                     -- of several, the first
    endpoint INTEGER,
    replayed INTEGER                   -- how many events
) STRICT;

CREATE INDEX audit_of_message ON audit (message, id) WHERE message IS NOT NULL;

CREATE TABLE audit_kept (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    since INTEGER NOT NULL             -- the first id that may not be deleted
) STRICT;

INSERT INTO audit_kept (id, since) VALUES (1, 0);

CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit WHEN OLD.id >= (SELECT since FROM audit_kept WHERE id = 1)
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

CREATE TRIGGER audit_kept_goes_on BEFORE UPDATE ON audit_kept WHEN NEW.since < OLD.since OR NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'what was to be kept may be deleted already'); END;

CREATE TRIGGER audit_kept_stays BEFORE DELETE ON audit_kept
BEGIN SELECT RAISE(ABORT, 'without it nothing of the audit is kept'); END;
