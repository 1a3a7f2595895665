-- Links that come with a notification: each is one person's, for one plan, and opens a narrow session once.

ALTER TABLE sessions ADD COLUMN is_narrow boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN sessions.is_narrow IS 'Whether it was opened by approval links: it reads, decides about the plans of its links, and does nothing else. It counts only while its person has another way to sign in.';

CREATE TABLE approval_links (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principals (id),
    request_id uuid NOT NULL REFERENCES requests (id),
    plan_sha256 text NOT NULL,
    code_sha256 bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    session_id uuid REFERENCES sessions (id) ON DELETE SET NULL,
    refused_at timestamptz,
    CHECK (expires_at > created_at)
);
COMMENT ON TABLE approval_links IS 'Links by which one person comes to one plan, once. The code of one is known by its hash only.';
COMMENT ON COLUMN approval_links.id IS 'That of the notification that it came with.';
COMMENT ON COLUMN approval_links.principal_id IS 'Whose it is: a person.';
COMMENT ON COLUMN approval_links.request_id IS 'The request.';
COMMENT ON COLUMN approval_links.plan_sha256 IS 'The plan.';
COMMENT ON COLUMN approval_links.code_sha256 IS 'SHA-256 of its code, which is the orchestrator''s signature over id, person, request, plan and expiry.';
COMMENT ON COLUMN approval_links.created_at IS 'When it was made.';
COMMENT ON COLUMN approval_links.expires_at IS 'From then on it opens nothing: no later than its plan can be approved.';
COMMENT ON COLUMN approval_links.used_at IS 'When it was opened, once; null while it was not.';
COMMENT ON COLUMN approval_links.session_id IS 'The narrow session in which it was opened; null where its person was signed in already.';
COMMENT ON COLUMN approval_links.refused_at IS 'When it was refused for the first time; null while it was not.';
CREATE INDEX approval_links_session ON approval_links (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX approval_links_expire ON approval_links (expires_at);

ALTER TABLE approvals ADD COLUMN link_id uuid;
COMMENT ON COLUMN approvals.link_id IS 'The approval link through which they came; null where they were signed in. Links themselves go when they are old.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem') THEN
        REVOKE ALL ON approval_links FROM chiffon_postmortem;
    END IF;
END $$;
