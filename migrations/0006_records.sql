-- Logs may expire, their digest stays in the audit (RELIABILITY 21).

ALTER TABLE task_attempts ADD COLUMN log_sealed_at timestamptz;
COMMENT ON COLUMN task_attempts.log_sealed_at IS 'When the digest of its log, as it is here now, went into the audit; null while that is due. Lines that come later make it null again.';
CREATE INDEX attempts_unsealed ON task_attempts (created_at) WHERE log_sealed_at IS NULL;

CREATE TABLE found_commits (
    commit_id text PRIMARY KEY,
    record_id text,
    request_id text,
    task_id text,
    outcome text,
    subject text NOT NULL,
    found_at timestamptz NOT NULL
);
COMMENT ON TABLE found_commits IS 'Commits that the audit repository had and the database did not, when the database was restored from a backup: what happened after the backup was made.';
COMMENT ON COLUMN found_commits.commit_id IS 'The commit.';
COMMENT ON COLUMN found_commits.record_id IS 'Its Record-Id.';
COMMENT ON COLUMN found_commits.request_id IS 'Its Request-Id; the database may not know that request.';
COMMENT ON COLUMN found_commits.task_id IS 'Its Task-Id; the database may not know that task.';
COMMENT ON COLUMN found_commits.outcome IS 'Its Outcome.';
COMMENT ON COLUMN found_commits.subject IS 'Its subject.';
COMMENT ON COLUMN found_commits.found_at IS 'When it was found.';
