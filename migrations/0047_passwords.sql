-- Passwords of people, and when a token was last used.

CREATE TABLE passwords (
    principal_id uuid PRIMARY KEY REFERENCES principals (id),
    phc text NOT NULL,
    must_change boolean NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL
);
COMMENT ON TABLE passwords IS 'Passwords by which people sign in, by their hash only. Who has none signs in another way.';
COMMENT ON COLUMN passwords.principal_id IS 'Whose it is: a person.';
COMMENT ON COLUMN passwords.phc IS 'Its Argon2id hash with salt and parameters, in the PHC string format.';
COMMENT ON COLUMN passwords.must_change IS 'Whether somebody else has chosen it: it signs in only together with one of their own in its place.';
COMMENT ON COLUMN passwords.set_by IS 'Who has set it: a principal''s name.';
COMMENT ON COLUMN passwords.set_at IS 'When.';

ALTER TABLE api_tokens ADD COLUMN last_used_at timestamptz;
COMMENT ON COLUMN api_tokens.last_used_at IS 'When it was last used, to within an hour; null where it never was since this is noted.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem') THEN
        REVOKE ALL ON passwords FROM chiffon_postmortem;
    END IF;
END $$;
