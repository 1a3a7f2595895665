-- What people are told where they are: notices, one row for each channel and occurrence, and how far the feed of events was read for them.

CREATE TABLE notices (
    id uuid PRIMARY KEY,
    channel text NOT NULL,
    dedup_key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('approval_needed', 'failed', 'waiting', 'budget', 'agent_lost', 'expiring')),
    principal_id uuid REFERENCES principals (id),
    request_id uuid REFERENCES requests (id),
    plan_sha256 text,
    risk text,
    title text NOT NULL,
    body text NOT NULL,
    path text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'withdrawn', 'given_up')),
    message_id uuid,
    attempts int NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    last_error text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    settled_at timestamptz,
    UNIQUE (channel, dedup_key)
);
COMMENT ON TABLE notices IS 'What channels of notifications are to tell, and what became of it. Receivers may get one twice, under the same message id.';
COMMENT ON COLUMN notices.id IS 'Time-ordered id.';
COMMENT ON COLUMN notices.channel IS 'The channel''s name in the configuration.';
COMMENT ON COLUMN notices.dedup_key IS 'Names the occurrence: a channel tells one once.';
COMMENT ON COLUMN notices.kind IS 'What it is about.';
COMMENT ON COLUMN notices.principal_id IS 'Whom the channel is for; null for a channel of several people.';
COMMENT ON COLUMN notices.request_id IS 'The request that it is about.';
COMMENT ON COLUMN notices.plan_sha256 IS 'The plan that is to be decided, for approval_needed.';
COMMENT ON COLUMN notices.risk IS 'That of the request''s plan, where it has one.';
COMMENT ON COLUMN notices.title IS 'What happened, on one line.';
COMMENT ON COLUMN notices.body IS 'More of it.';
COMMENT ON COLUMN notices.path IS 'Where its link leads, below the public address.';
COMMENT ON COLUMN notices.state IS 'pending waits for its next try; withdrawn was no longer of use.';
COMMENT ON COLUMN notices.message_id IS 'The message in which it is told, alone or with others; kept over tries. Null before the first.';
COMMENT ON COLUMN notices.attempts IS 'Tries begun.';
COMMENT ON COLUMN notices.due_at IS 'When it is tried next.';
COMMENT ON COLUMN notices.last_error IS 'Why the last try failed, or why it was withdrawn.';
COMMENT ON COLUMN notices.created_at IS 'When it came about.';
COMMENT ON COLUMN notices.expires_at IS 'From then on nobody has a use for it.';
COMMENT ON COLUMN notices.settled_at IS 'When it was sent, withdrawn or given up.';
CREATE INDEX notices_pending ON notices (channel, due_at) WHERE state = 'pending';
CREATE INDEX notices_message ON notices (message_id) WHERE state = 'pending';
CREATE INDEX notices_settled ON notices (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE notice_feed (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    position bigint NOT NULL,
    stream_id uuid NOT NULL,
    seq bigint NOT NULL
);
COMMENT ON TABLE notice_feed IS 'One row: up to where the feed of all events was read for notices.';
COMMENT ON COLUMN notice_feed.is_one IS 'True: there is one row.';
COMMENT ON COLUMN notice_feed.position IS 'That of the last event.';
COMMENT ON COLUMN notice_feed.stream_id IS 'Its stream.';
COMMENT ON COLUMN notice_feed.seq IS 'Its number there.';

CREATE TABLE notice_counts (
    channel text NOT NULL,
    kind text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sent', 'failed', 'given_up')),
    count bigint NOT NULL,
    PRIMARY KEY (channel, kind, outcome)
);
COMMENT ON TABLE notice_counts IS 'How deliveries went, for monitoring; counted ever since.';
COMMENT ON COLUMN notice_counts.channel IS 'The channel''s name.';
COMMENT ON COLUMN notice_counts.kind IS 'What was told, or test.';
COMMENT ON COLUMN notice_counts.outcome IS 'sent, failed (a try), or given_up.';
COMMENT ON COLUMN notice_counts.count IS 'How often.';
