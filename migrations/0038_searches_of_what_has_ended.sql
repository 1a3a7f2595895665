-- Words of requests and hosts of tasks are looked up when people search what was. A row that moves on gets a new entry in each of its
-- indexes, and of these two that is the most expensive part; so only what has ended is in them, and the little that is open is read.

DROP INDEX requests_by_word;
CREATE INDEX requests_by_word ON requests USING gin (to_tsvector('simple', text)) WHERE finished_at IS NOT NULL;
DROP INDEX tasks_by_host;
CREATE INDEX tasks_by_host ON tasks USING gin (hosts) WHERE finished_at IS NOT NULL;
