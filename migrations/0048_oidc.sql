-- Signing in by an OpenID Connect provider.

CREATE TABLE oidc_sign_ins (
    id uuid PRIMARY KEY,
    state_sha256 bytea NOT NULL UNIQUE,
    browser_sha256 bytea NOT NULL,
    nonce text NOT NULL,
    pkce_verifier text NOT NULL,
    redirect_uri text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK (expires_at > created_at)
);
COMMENT ON TABLE oidc_sign_ins IS 'Sign-ins that were begun: a browser was sent to the provider, and is to come back.';
COMMENT ON COLUMN oidc_sign_ins.id IS 'Time-ordered id.';
COMMENT ON COLUMN oidc_sign_ins.state_sha256 IS 'SHA-256 of the state that the provider sends back.';
COMMENT ON COLUMN oidc_sign_ins.browser_sha256 IS 'SHA-256 of what the cookie of the browser holds that has begun it; no other may finish it.';
COMMENT ON COLUMN oidc_sign_ins.nonce IS 'What the ID token has to repeat.';
COMMENT ON COLUMN oidc_sign_ins.pkce_verifier IS 'What shows to the provider that whoever brings the code has asked for it (RFC 7636).';
COMMENT ON COLUMN oidc_sign_ins.redirect_uri IS 'Where the provider sends the browser back to.';
COMMENT ON COLUMN oidc_sign_ins.created_at IS 'When it was begun.';
COMMENT ON COLUMN oidc_sign_ins.expires_at IS 'From then on nobody may finish it.';
COMMENT ON COLUMN oidc_sign_ins.used_at IS 'When the browser came back, once; null while it did not.';
CREATE INDEX oidc_sign_ins_expire ON oidc_sign_ins (expires_at);

CREATE TABLE oidc_identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    principal_id uuid NOT NULL REFERENCES principals (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
COMMENT ON TABLE oidc_identities IS 'Who somebody is whom a provider knows. A name can be given to somebody else there; issuer and subject can not.';
COMMENT ON COLUMN oidc_identities.issuer IS 'The provider.';
COMMENT ON COLUMN oidc_identities.subject IS 'By what the provider knows them, for good.';
COMMENT ON COLUMN oidc_identities.principal_id IS 'Who they are here: a person.';
COMMENT ON COLUMN oidc_identities.created_at IS 'When they first signed in.';
CREATE INDEX oidc_identities_of ON oidc_identities (principal_id);

CREATE TABLE oidc_sessions (
    session_id uuid PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    issuer text NOT NULL,
    subject text NOT NULL,
    refresh_token_sealed bytea,
    id_token_sealed bytea NOT NULL,
    confirmed_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    FOREIGN KEY (issuer, subject) REFERENCES oidc_identities (issuer, subject)
);
COMMENT ON TABLE oidc_sessions IS 'Sessions that a provider stands for, and what it is asked with whether it still does.';
COMMENT ON COLUMN oidc_sessions.session_id IS 'The session.';
COMMENT ON COLUMN oidc_sessions.issuer IS 'The provider.';
COMMENT ON COLUMN oidc_sessions.subject IS 'Whom it stands for.';
COMMENT ON COLUMN oidc_sessions.refresh_token_sealed IS 'The refresh token, encrypted under a key made of the orchestrator''s secret key; null where the provider gave none.';
COMMENT ON COLUMN oidc_sessions.id_token_sealed IS 'The ID token, encrypted the same way: what the provider is told at the sign-out.';
COMMENT ON COLUMN oidc_sessions.confirmed_at IS 'When the provider last stood for it.';
COMMENT ON COLUMN oidc_sessions.look_at IS 'When it is to be looked at again.';
CREATE INDEX oidc_sessions_look ON oidc_sessions (look_at);
CREATE INDEX oidc_sessions_of ON oidc_sessions (issuer, subject);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem') THEN
        REVOKE ALL ON oidc_sign_ins, oidc_sessions FROM chiffon_postmortem;
    END IF;
END $$;
