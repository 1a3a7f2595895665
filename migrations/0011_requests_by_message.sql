-- Requests that arrive over AMQP: whose keys count, and which message became which request (RELIABILITY 20).

CREATE TABLE principal_keys (
    key_id text PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principals (id),
    public_key text NOT NULL,
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
COMMENT ON TABLE principal_keys IS 'Public keys under which principals ask over AMQP.';
COMMENT ON COLUMN principal_keys.key_id IS 'The id that signatures carry; it follows from the key.';
COMMENT ON COLUMN principal_keys.principal_id IS 'Whose it is.';
COMMENT ON COLUMN principal_keys.public_key IS 'As chiffon key show prints it.';
COMMENT ON COLUMN principal_keys.label IS 'What it is for.';
COMMENT ON COLUMN principal_keys.created_at IS 'When it was trusted.';
COMMENT ON COLUMN principal_keys.revoked_at IS 'When it was taken back.';

CREATE TABLE request_messages (
    principal_id uuid NOT NULL REFERENCES principals (id),
    message_id uuid NOT NULL,
    asked_sha256 text NOT NULL,
    request_id uuid NOT NULL REFERENCES requests (id),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (principal_id, message_id)
);
COMMENT ON TABLE request_messages IS 'Which message of whom became which request. Kept as long as the request: however late it comes again, it is done once.';
COMMENT ON COLUMN request_messages.principal_id IS 'Who signed it.';
COMMENT ON COLUMN request_messages.message_id IS 'The envelope''s.';
COMMENT ON COLUMN request_messages.asked_sha256 IS 'SHA-256 of the canonical JSON of what it asks: another wish under the same id is refused.';
COMMENT ON COLUMN request_messages.request_id IS 'What it became.';
COMMENT ON COLUMN request_messages.received_at IS 'When.';
CREATE INDEX request_messages_by_message ON request_messages (message_id);
