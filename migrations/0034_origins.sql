-- What began a request: a person, or something that asks by itself.

ALTER TABLE requests
    ADD COLUMN origin_kind text NOT NULL DEFAULT 'person' CHECK (origin_kind ~ '^[a-z][a-z_]{0,31}$'),
    ADD COLUMN origin_id text CHECK (origin_kind = 'person' OR COALESCE(length(origin_id), 0) BETWEEN 1 AND 200);
COMMENT ON COLUMN requests.origin_kind IS 'What began it: person, or a word such as schedule, webhook or workflow. Words that a version does not know are shown as they are.';
COMMENT ON COLUMN requests.origin_id IS 'Which of that kind; null for the person in principal_id.';
CREATE INDEX requests_origin_id ON requests (origin_kind, origin_id, id) WHERE origin_kind <> 'person';
