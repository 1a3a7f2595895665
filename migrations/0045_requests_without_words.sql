-- What is asked without words: an action of the catalogue, named with its hosts and parameters.
ALTER TABLE requests ADD COLUMN action jsonb;
COMMENT ON COLUMN requests.action IS 'What was asked without words: {name, hosts, parameters}; its first plan is made of it, and its text is written from it. Null where words asked.';
CREATE FUNCTION refuse_other_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what request % asks for is fixed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER requests_action_frozen BEFORE UPDATE OF action ON requests FOR EACH ROW
WHEN (OLD.action IS DISTINCT FROM NEW.action)
EXECUTE FUNCTION refuse_other_action();
