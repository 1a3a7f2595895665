-- What a run is compared with, and bound to, beyond the names of its tasks.

ALTER TABLE host_results ADD COLUMN written jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN host_results.written IS 'What the attempt wrote where, in order, as digests (see `Written` in docs/protocol/work_result.schema.json); empty where its agent does not tell it.';

ALTER TABLE tasks ADD COLUMN variables jsonb;
COMMENT ON COLUMN tasks.variables IS 'Of a preview: keyed digests of the host variables it was made with (`Variables` in docs/protocol/work_result.schema.json). The run of its step is bound to them; null where there are none.';
