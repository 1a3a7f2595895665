-- A fresh dry run for the person who decides about a task that was cut off and wants to be looked at first (RELIABILITY 13).

ALTER TABLE tasks ADD COLUMN checks_attempt int;
COMMENT ON COLUMN tasks.checks_attempt IS 'For a preview: the attempt of its step''s change that was cut off, after which it was made; null before an approval and for everything else.';
