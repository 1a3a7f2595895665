-- What an agent has and does not offer stands where people look, not only in its log.

ALTER TABLE agents ADD COLUMN not_offered jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN agents.not_offered IS 'Its actions that are left out of its catalogue: name, code and reason of each, as its newest hello said.';
