-- What an agent had to leave out is seen where people look, not only in its log.

ALTER TABLE agents ADD COLUMN problems jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN agents.problems IS 'What it had to leave out, and why: actions that are not in order, sources of hosts that can''t be read.';
