-- The role of `chiffon sql` becomes a login of its own: what a person asks runs in a session that never was anybody stronger, so that no
-- SET ROLE, RESET ROLE or set_config leads back to one. It has no password; where the server asks for one, an operator gives it one.
--
-- Roles belong to the whole server: another database may have done this already, or do it at this moment.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem' AND NOT rolcanlogin) THEN
        ALTER ROLE chiffon_postmortem LOGIN CONNECTION LIMIT 10;
        ALTER ROLE chiffon_postmortem SET default_transaction_read_only = on;
        ALTER ROLE chiffon_postmortem SET statement_timeout = '60s';
        ALTER ROLE chiffon_postmortem SET idle_in_transaction_session_timeout = '60s';
        COMMENT ON ROLE chiffon_postmortem IS 'Reads what Chiffon has recorded, but no tokens; the login of chiffon sql.';
    END IF;
EXCEPTION WHEN insufficient_privilege OR internal_error OR unique_violation THEN
    -- Without the right to alter roles, an operator names a login in database.postmortem_url; docs/operating.md says how.
    NULL;
END $$;

-- What it may not see, whatever tables were made since.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem') THEN
        REVOKE ALL ON api_tokens, idempotency_keys FROM chiffon_postmortem;
    END IF;
END $$;
