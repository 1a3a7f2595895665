-- Sign-ins of browsers: one-time links that open a session, and sessions.

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principals (id),
    secret_sha256 bytea NOT NULL UNIQUE,
    token_id uuid REFERENCES api_tokens (id),
    browser text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK (expires_at > created_at)
);
COMMENT ON TABLE sessions IS 'Signed-in browsers, by the hash of what their cookie holds.';
COMMENT ON COLUMN sessions.id IS 'Time-ordered id.';
COMMENT ON COLUMN sessions.principal_id IS 'Who is signed in: a person.';
COMMENT ON COLUMN sessions.secret_sha256 IS 'SHA-256 of what the cookie holds.';
COMMENT ON COLUMN sessions.token_id IS 'The token with which it was opened, itself or by a link; it counts only while that counts. Null for a link of somebody else''s.';
COMMENT ON COLUMN sessions.browser IS 'What the browser calls itself, cut to 200 characters.';
COMMENT ON COLUMN sessions.created_at IS 'When it was opened.';
COMMENT ON COLUMN sessions.last_used_at IS 'When it was last used, to within an hour.';
COMMENT ON COLUMN sessions.expires_at IS 'From then on it counts no more; later with each use.';
COMMENT ON COLUMN sessions.ended_at IS 'When somebody signed out or ended it; null while nobody did.';
CREATE INDEX sessions_of ON sessions (principal_id, id);
CREATE INDEX sessions_expire ON sessions (expires_at);

CREATE TABLE login_links (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principals (id),
    code_sha256 bytea NOT NULL UNIQUE,
    made_by text NOT NULL,
    token_id uuid REFERENCES api_tokens (id),
    session_id uuid REFERENCES sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK (expires_at > created_at)
);
COMMENT ON TABLE login_links IS 'Links that sign a browser in, once. The code of one is known by its hash only.';
COMMENT ON COLUMN login_links.id IS 'Time-ordered id.';
COMMENT ON COLUMN login_links.principal_id IS 'Whom it signs in: a person.';
COMMENT ON COLUMN login_links.code_sha256 IS 'SHA-256 of its code.';
COMMENT ON COLUMN login_links.made_by IS 'Who made it: a principal''s name.';
COMMENT ON COLUMN login_links.token_id IS 'The token with which somebody made it for themselves; what it opens ends with it. Null where somebody else made it.';
COMMENT ON COLUMN login_links.session_id IS 'The session in which it was made; it opens nothing once that has ended. Null where a token made it.';
COMMENT ON COLUMN login_links.created_at IS 'When it was made.';
COMMENT ON COLUMN login_links.expires_at IS 'From then on it opens nothing.';
COMMENT ON COLUMN login_links.used_at IS 'When it was used, once; null while it was not.';
CREATE INDEX login_links_expire ON login_links (expires_at);
CREATE INDEX login_links_session ON login_links (session_id) WHERE session_id IS NOT NULL;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem') THEN
        REVOKE ALL ON login_links, sessions FROM chiffon_postmortem;
    END IF;
END $$;
