-- How often each webhook was called, and what came of it. What a call asked is a request like any other.

CREATE TABLE webhook_calls (
    hook text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('asked', 'again', 'passed_over', 'refused', 'unfit')),
    count bigint NOT NULL,
    last_at timestamptz NOT NULL,
    last_why text,
    PRIMARY KEY (hook, outcome)
);
COMMENT ON TABLE webhook_calls IS 'How often each webhook was called and what came of it; counted ever since.';
COMMENT ON COLUMN webhook_calls.hook IS 'The hook''s name in the configuration.';
COMMENT ON COLUMN webhook_calls.outcome IS 'asked, again (the same call), passed_over (only_if), refused (no signature that counts), or unfit (its body, or what it asks).';
COMMENT ON COLUMN webhook_calls.count IS 'How often.';
COMMENT ON COLUMN webhook_calls.last_at IS 'When last.';
COMMENT ON COLUMN webhook_calls.last_why IS 'Why, the last time; null for what was asked.';
