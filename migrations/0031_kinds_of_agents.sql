-- Kinds of agents are a table of the programs, not of the schema: a row may be of a kind that only a newer program knows.

ALTER TABLE agents DROP CONSTRAINT agents_agent_type_check;
ALTER TABLE actions DROP CONSTRAINT actions_agent_type_check;
ALTER TABLE tasks DROP CONSTRAINT tasks_agent_type_check;
COMMENT ON COLUMN agents.agent_type IS 'The name of its kind.';
COMMENT ON COLUMN actions.agent_type IS 'The name of the kind of agents that runs it.';
COMMENT ON COLUMN tasks.agent_type IS 'The name of the kind of agents that runs it. An orchestrator that does not know the kind leaves the row alone.';
