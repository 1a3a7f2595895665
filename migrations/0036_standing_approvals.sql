-- Standing approvals: somebody who has approved a plan stands for its steps, and what merely wants the same steps again needs no second word.

ALTER TABLE plans ADD COLUMN steps_sha256 text;
COMMENT ON COLUMN plans.steps_sha256 IS 'SHA-256 of its steps alone, without its request and without what discovery found: the same for every plan that would run the same. Fixed with sha256; null where an orchestrator of the version before has fixed it, which no standing approval covers then.';

CREATE OR REPLACE FUNCTION refuse_plan_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sha256 IS NOT NULL AND (NEW.sha256 IS DISTINCT FROM OLD.sha256 OR NEW.body IS DISTINCT FROM OLD.body
        OR NEW.steps_sha256 IS DISTINCT FROM OLD.steps_sha256
        OR NEW.revision <> OLD.revision OR NEW.approvals_needed <> OLD.approvals_needed) THEN
        RAISE EXCEPTION 'plan % is frozen', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TABLE standing_approvals (
    id uuid PRIMARY KEY,
    steps_sha256 text NOT NULL CHECK (steps_sha256 ~ '^[0-9a-f]{64}$'),
    scope text NOT NULL CHECK (scope IN ('requester', 'origin', 'any')),
    requester_id uuid REFERENCES principals (id),
    origin_kinds text[],
    given_by uuid NOT NULL REFERENCES principals (id),
    given_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    request_id uuid NOT NULL REFERENCES requests (id),
    plan_id uuid NOT NULL REFERENCES plans (id),
    plan_sha256 text NOT NULL,
    comment text,
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdrawn_why text,
    CHECK (expires_at > given_at),
    CHECK ((scope = 'requester') = (requester_id IS NOT NULL)),
    CHECK ((scope = 'origin') = (COALESCE(cardinality(origin_kinds), 0) > 0)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE standing_approvals IS 'Approvals of steps by their hash, for requests to come. Nothing of one but its withdrawal ever changes (enforced below).';
COMMENT ON COLUMN standing_approvals.id IS 'Time-ordered id.';
COMMENT ON COLUMN standing_approvals.steps_sha256 IS 'The steps that it covers, as plans.steps_sha256 has them.';
COMMENT ON COLUMN standing_approvals.scope IS 'Whose requests it covers: of one who asks (requester), of what begins requests by itself (origin), or any.';
COMMENT ON COLUMN standing_approvals.requester_id IS 'With the scope requester: who has to have asked.';
COMMENT ON COLUMN standing_approvals.origin_kinds IS 'With the scope origin: the kinds of what has to have begun the request, as requests.origin_kind has them.';
COMMENT ON COLUMN standing_approvals.given_by IS 'Who stands for it: a person who has approved plan_id.';
COMMENT ON COLUMN standing_approvals.given_at IS 'Since when it counts.';
COMMENT ON COLUMN standing_approvals.expires_at IS 'From then on it counts no more.';
COMMENT ON COLUMN standing_approvals.request_id IS 'The request on whose plan it was given.';
COMMENT ON COLUMN standing_approvals.plan_id IS 'That plan, which they have approved. What its previews read of variables binds as well.';
COMMENT ON COLUMN standing_approvals.plan_sha256 IS 'The hash they saw.';
COMMENT ON COLUMN standing_approvals.comment IS 'Why.';
COMMENT ON COLUMN standing_approvals.withdrawn_at IS 'Since when nothing begins under it any more; null while it was not withdrawn. Never before its last use.';
COMMENT ON COLUMN standing_approvals.withdrawn_by IS 'Who withdrew it: the principal''s name, or chiffon after a restore.';
COMMENT ON COLUMN standing_approvals.withdrawn_why IS 'Why it was withdrawn.';
CREATE INDEX standing_approvals_steps ON standing_approvals (steps_sha256, id) WHERE withdrawn_at IS NULL;

ALTER TABLE approvals ADD COLUMN standing_id uuid REFERENCES standing_approvals (id);
COMMENT ON COLUMN approvals.standing_id IS 'The standing approval by which it came about without a second word; null for a word of its own.';
CREATE INDEX approvals_standing ON approvals (standing_id, at) WHERE standing_id IS NOT NULL;

CREATE FUNCTION refuse_standing_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NOT NULL OR to_jsonb(NEW) - '{withdrawn_at,withdrawn_by,withdrawn_why}'::text[]
        <> to_jsonb(OLD) - '{withdrawn_at,withdrawn_by,withdrawn_why}'::text[] THEN
        RAISE EXCEPTION 'standing approval % can only be withdrawn, once', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION refuse_standing_change IS 'Lets nothing of a standing approval change but that it is withdrawn.';
CREATE TRIGGER standing_approvals_fixed BEFORE UPDATE ON standing_approvals FOR EACH ROW EXECUTE FUNCTION refuse_standing_change();
