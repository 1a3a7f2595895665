-- Dead letters, kept where they can be looked at, replayed and purged (RELIABILITY 3), and messages that are sent again as they were.

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    fingerprint bytea NOT NULL,
    queue text NOT NULL,
    code int,
    reason text NOT NULL,
    signature text NOT NULL CHECK (signature IN ('valid', 'expired', 'missing', 'invalid')),
    key_id text,
    sender text,
    message_type text,
    message_id uuid,
    trace_id text,
    request_id uuid,
    task_id uuid,
    attempt int,
    offer int,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    body_bytes bigint NOT NULL,
    times int NOT NULL DEFAULT 1,
    died_at timestamptz NOT NULL,
    last_died_at timestamptz NOT NULL,
    replay_of uuid,
    replays int NOT NULL DEFAULT 0,
    replayed_at timestamptz,
    replayed_by text,
    purged_at timestamptz,
    purged_by text,
    note text
);
COMMENT ON TABLE dead_letters IS 'Messages that could not be dealt with, taken from chiffon.dead-letters; bounded by dead_letters.keep and dead_letters.most.';
COMMENT ON COLUMN dead_letters.id IS 'Time-ordered id.';
COMMENT ON COLUMN dead_letters.fingerprint IS 'SHA-256 of queue, code, reason, key and payload: the same said again is one row, not two.';
COMMENT ON COLUMN dead_letters.queue IS 'Where it came from; empty where nobody said.';
COMMENT ON COLUMN dead_letters.code IS 'The error code it was rejected with; null where the broker itself gave up on it.';
COMMENT ON COLUMN dead_letters.reason IS 'Why, for people.';
COMMENT ON COLUMN dead_letters.signature IS 'What its signature was worth when it came here; looked at again before it is replayed.';
COMMENT ON COLUMN dead_letters.key_id IS 'The key its signature names, believed or not.';
COMMENT ON COLUMN dead_letters.sender IS 'Whose key that is: an agent''s or principal''s name, or chiffon; null unless the signature fits.';
COMMENT ON COLUMN dead_letters.message_type IS 'What it says it is.';
COMMENT ON COLUMN dead_letters.message_id IS 'The envelope''s, where it can be read.';
COMMENT ON COLUMN dead_letters.trace_id IS 'The envelope''s, where it can be read.';
COMMENT ON COLUMN dead_letters.request_id IS 'The request it names.';
COMMENT ON COLUMN dead_letters.task_id IS 'The task it names.';
COMMENT ON COLUMN dead_letters.attempt IS 'The attempt it names.';
COMMENT ON COLUMN dead_letters.offer IS 'The offer it makes or names.';
COMMENT ON COLUMN dead_letters.headers IS 'Its headers.';
COMMENT ON COLUMN dead_letters.body IS 'Its bytes, at most dead_letters.max_body_bytes of them; emptied by a purge.';
COMMENT ON COLUMN dead_letters.body_bytes IS 'How many bytes it had.';
COMMENT ON COLUMN dead_letters.times IS 'How often the same has died while it lay here.';
COMMENT ON COLUMN dead_letters.died_at IS 'When it was first taken in.';
COMMENT ON COLUMN dead_letters.last_died_at IS 'When it was last taken in.';
COMMENT ON COLUMN dead_letters.replay_of IS 'The dead letter whose replay this was.';
COMMENT ON COLUMN dead_letters.replays IS 'How often it had been replayed before it died this time.';
COMMENT ON COLUMN dead_letters.replayed_at IS 'When it was sent again, or its work offered again.';
COMMENT ON COLUMN dead_letters.replayed_by IS 'By whom; chiffon by itself.';
COMMENT ON COLUMN dead_letters.purged_at IS 'When its content was thrown away.';
COMMENT ON COLUMN dead_letters.purged_by IS 'By whom.';
COMMENT ON COLUMN dead_letters.note IS 'What came of it, for people.';
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (fingerprint) WHERE replayed_at IS NULL AND purged_at IS NULL;
CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint);
CREATE INDEX dead_letters_by_task ON dead_letters (task_id) WHERE task_id IS NOT NULL;

-- A message that is sent again goes out byte for byte, under the sender's own signature.
ALTER TABLE outbox ADD COLUMN body bytea, ADD COLUMN headers jsonb;
COMMENT ON COLUMN outbox.body IS 'A message that is sent again as it was: its bytes. Null where the envelope is sent.';
COMMENT ON COLUMN outbox.headers IS 'Its headers, for those.';
