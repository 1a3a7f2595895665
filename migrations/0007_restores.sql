-- What a database that was restored from a backup can't know: how far things had gone since. Nothing of it is repeated by itself.

CREATE TABLE installation (
    id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    epoch int NOT NULL DEFAULT 0,
    backup_made_at timestamptz,
    restored_at timestamptz,
    fence_pending boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE installation IS 'One row about the installation itself.';
COMMENT ON COLUMN installation.id IS 'Always 1.';
COMMENT ON COLUMN installation.epoch IS 'How often the database was restored from a backup.';
COMMENT ON COLUMN installation.backup_made_at IS 'The moment that the newest restore went back to.';
COMMENT ON COLUMN installation.restored_at IS 'When that was; null when it never was.';
COMMENT ON COLUMN installation.fence_pending IS 'The next orchestrator to start first marks what may have happened since the backup, and only then does anything else.';
INSERT INTO installation (id) VALUES (1);

ALTER TABLE tasks ADD COLUMN fenced_attempt int NOT NULL DEFAULT 0;
COMMENT ON COLUMN tasks.fenced_attempt IS 'Attempts up to this number may have been made after the backup that was restored: none of them is offered again, and what agents report about them is taken in.';

CREATE TABLE stray_reports (
    id uuid PRIMARY KEY,
    agent_id text NOT NULL,
    task_id uuid NOT NULL,
    attempt int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('status', 'result')),
    sha256 bytea NOT NULL,
    body jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    UNIQUE (agent_id, task_id, attempt, sha256)
);
COMMENT ON TABLE stray_reports IS 'What enrolled agents report about tasks that a restored database has never heard of: made after the backup.';
COMMENT ON COLUMN stray_reports.id IS 'Time-ordered id.';
COMMENT ON COLUMN stray_reports.agent_id IS 'Who reports.';
COMMENT ON COLUMN stray_reports.task_id IS 'The task that nobody knows.';
COMMENT ON COLUMN stray_reports.attempt IS 'Its attempt.';
COMMENT ON COLUMN stray_reports.kind IS 'status for progress and log lines, result for the end.';
COMMENT ON COLUMN stray_reports.sha256 IS 'Of the body: the same report counts once.';
COMMENT ON COLUMN stray_reports.body IS 'The report.';
COMMENT ON COLUMN stray_reports.received_at IS 'When.';
