-- What a person wants of an agent (pause, drain), and agents that were refused.

ALTER TABLE agents
    ADD COLUMN desired text NOT NULL DEFAULT 'active' CHECK (desired IN ('active', 'paused', 'drained')),
    ADD COLUMN desired_at timestamptz,
    ADD COLUMN desired_by text,
    ADD COLUMN desired_reason text NOT NULL DEFAULT '',
    ADD COLUMN desired_incarnation bigint;
COMMENT ON TABLE agents IS 'Every agent that has said hello, with its newest report, and what a person wants of it (desired).';
COMMENT ON COLUMN agents.desired IS 'What a person wants: that it takes work, takes none, or takes none, finishes what it runs and ends. It is told until it says so.';
COMMENT ON COLUMN agents.desired_at IS 'Since when; null while nobody ever wanted anything else than that it works.';
COMMENT ON COLUMN agents.desired_by IS 'Who wants it.';
COMMENT ON COLUMN agents.desired_reason IS 'Why, in their words.';
COMMENT ON COLUMN agents.desired_incarnation IS 'The start of the agent that is to end, for drained: a later start takes no work, but does not end again.';

CREATE TABLE refused_hellos (
    agent_id text NOT NULL,
    key_id text NOT NULL,
    code int NOT NULL,
    agent_type text NOT NULL,
    hostname text NOT NULL,
    version text NOT NULL,
    message text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times int NOT NULL DEFAULT 1,
    PRIMARY KEY (agent_id, key_id, code)
);
COMMENT ON TABLE refused_hellos IS 'Agents that said hello under an enrolled key and were refused, until they are not refused any more or a month has passed.';
COMMENT ON COLUMN refused_hellos.agent_id IS 'Who it says it is.';
COMMENT ON COLUMN refused_hellos.key_id IS 'The key that signed.';
COMMENT ON COLUMN refused_hellos.code IS 'The error code.';
COMMENT ON COLUMN refused_hellos.agent_type IS 'The kind.';
COMMENT ON COLUMN refused_hellos.hostname IS 'Its machine.';
COMMENT ON COLUMN refused_hellos.version IS 'Its program''s version.';
COMMENT ON COLUMN refused_hellos.message IS 'Why, and what to do.';
COMMENT ON COLUMN refused_hellos.first_at IS 'When it was first refused; that is in the audit log, too.';
COMMENT ON COLUMN refused_hellos.last_at IS 'When it was last refused.';
COMMENT ON COLUMN refused_hellos.times IS 'How often.';
