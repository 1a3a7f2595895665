-- Amounts of money are whole millionths of a dollar. The columns of dollars stay for an orchestrator of the version before, which runs
-- beside; triggers keep both true, whichever is written. They and the old columns go one version later.

ALTER TABLE requests
    ADD COLUMN max_cost_micro_usd bigint,
    ADD COLUMN cost_micro_usd bigint NOT NULL DEFAULT 0;
ALTER TABLE plans ADD COLUMN estimated_cost_micro_usd bigint NOT NULL DEFAULT 0;
ALTER TABLE llm_calls
    ADD COLUMN reserved_micro_usd bigint NOT NULL DEFAULT 0,
    ADD COLUMN cost_micro_usd bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN requests.max_cost_micro_usd IS 'The most that planning and running it may cost, in millionths of a dollar.';
COMMENT ON COLUMN requests.max_cost_usd IS 'The same in dollars, for the version before; kept true by a trigger.';
COMMENT ON COLUMN requests.cost_micro_usd IS 'Spent on models so far, in millionths of a dollar.';
COMMENT ON COLUMN requests.cost_usd IS 'The same in dollars, for the version before; kept true by a trigger.';
COMMENT ON COLUMN plans.estimated_cost_micro_usd IS 'Of running it, in millionths of a dollar.';
COMMENT ON COLUMN plans.estimated_cost_usd IS 'The same in dollars, for the version before; kept true by a trigger.';
COMMENT ON COLUMN llm_calls.reserved_micro_usd IS 'The worst case, before the call, in millionths of a dollar.';
COMMENT ON COLUMN llm_calls.reserved_usd IS 'The same in dollars, for the version before; kept true by a trigger.';
COMMENT ON COLUMN llm_calls.cost_micro_usd IS 'What it cost, in millionths of a dollar.';
COMMENT ON COLUMN llm_calls.cost_usd IS 'The same in dollars, for the version before; kept true by a trigger.';

-- Fifteen digits of a binary fraction are what was meant: a sum of 0.1 and 0.2 is 0.3.
CREATE FUNCTION micro_usd(dollars double precision, is_limit boolean) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN dollars IS NULL THEN NULL
    WHEN dollars >= 1000000000 THEN 1000000000000000
    WHEN NOT dollars > 0 THEN 0
    WHEN is_limit THEN floor(dollars::numeric * 1000000)::bigint
    ELSE ceil(dollars::numeric * 1000000)::bigint
END;
COMMENT ON FUNCTION micro_usd IS 'Dollars in millionths; what is finer is rounded down for a limit and up for a price.';

UPDATE requests
SET max_cost_micro_usd = micro_usd(max_cost_usd, true), cost_micro_usd = micro_usd(cost_usd, false)
WHERE max_cost_usd IS NOT NULL OR cost_usd <> 0;
UPDATE plans
SET estimated_cost_micro_usd = micro_usd(estimated_cost_usd, false)
WHERE estimated_cost_usd <> 0;
UPDATE llm_calls
SET reserved_micro_usd = micro_usd(reserved_usd, false), cost_micro_usd = micro_usd(cost_usd, false)
WHERE reserved_usd <> 0 OR cost_usd <> 0;

-- A trigger takes what is new: a changed amount in millionths, else a changed one in dollars.
CREATE FUNCTION keep_money_of_requests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.max_cost_micro_usd IS NOT NULL
        OR TG_OP = 'UPDATE' AND NEW.max_cost_micro_usd IS DISTINCT FROM OLD.max_cost_micro_usd THEN
        NEW.max_cost_usd := NEW.max_cost_micro_usd / 1e6::double precision;
    ELSIF TG_OP = 'INSERT' OR NEW.max_cost_usd IS DISTINCT FROM OLD.max_cost_usd THEN
        NEW.max_cost_micro_usd := micro_usd(NEW.max_cost_usd, true);
    END IF;
    IF TG_OP = 'INSERT' AND NEW.cost_micro_usd <> 0 OR TG_OP = 'UPDATE' AND NEW.cost_micro_usd <> OLD.cost_micro_usd THEN
        NEW.cost_usd := NEW.cost_micro_usd / 1e6::double precision;
    ELSIF TG_OP = 'INSERT' OR NEW.cost_usd <> OLD.cost_usd THEN
        NEW.cost_micro_usd := micro_usd(NEW.cost_usd, false);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_money_of_requests IS 'Keeps dollars and millionths of requests true to each other.';
CREATE TRIGGER keep_money_of_requests
BEFORE INSERT OR UPDATE OF max_cost_usd, max_cost_micro_usd, cost_usd, cost_micro_usd ON requests
FOR EACH ROW EXECUTE FUNCTION keep_money_of_requests();

-- A plan's estimate never changes.
CREATE FUNCTION keep_money_of_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.estimated_cost_micro_usd <> 0 THEN
        NEW.estimated_cost_usd := NEW.estimated_cost_micro_usd / 1e6::double precision;
    ELSE
        NEW.estimated_cost_micro_usd := micro_usd(NEW.estimated_cost_usd, false);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_money_of_plans IS 'Keeps dollars and millionths of plans true to each other.';
CREATE TRIGGER keep_money_of_plans
BEFORE INSERT ON plans
FOR EACH ROW EXECUTE FUNCTION keep_money_of_plans();

CREATE FUNCTION keep_money_of_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.reserved_micro_usd <> 0 OR TG_OP = 'UPDATE' AND NEW.reserved_micro_usd <> OLD.reserved_micro_usd THEN
        NEW.reserved_usd := NEW.reserved_micro_usd / 1e6::double precision;
    ELSIF TG_OP = 'INSERT' OR NEW.reserved_usd <> OLD.reserved_usd THEN
        NEW.reserved_micro_usd := micro_usd(NEW.reserved_usd, false);
    END IF;
    IF TG_OP = 'INSERT' AND NEW.cost_micro_usd <> 0 OR TG_OP = 'UPDATE' AND NEW.cost_micro_usd <> OLD.cost_micro_usd THEN
        NEW.cost_usd := NEW.cost_micro_usd / 1e6::double precision;
    ELSIF TG_OP = 'INSERT' OR NEW.cost_usd <> OLD.cost_usd THEN
        NEW.cost_micro_usd := micro_usd(NEW.cost_usd, false);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_money_of_calls IS 'Keeps dollars and millionths of llm_calls true to each other.';
CREATE TRIGGER keep_money_of_calls
BEFORE INSERT OR UPDATE OF reserved_usd, reserved_micro_usd, cost_usd, cost_micro_usd ON llm_calls
FOR EACH ROW EXECUTE FUNCTION keep_money_of_calls();

CREATE OR REPLACE VIEW cost_by_provider AS
SELECT date_trunc('month', started_at) AS month, provider, model, count(*) AS calls,
       count(*) FILTER (WHERE state = 'succeeded') AS succeeded, (sum(cost_micro_usd) / 1000000)::double precision AS cost_usd,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
FROM llm_calls
GROUP BY 1, 2, 3;
