-- What was asked stays as it was asked, as a fixed plan stays as it was approved: the record in git is made of it.
CREATE FUNCTION refuse_other_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what request % asks for is fixed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER requests_words_frozen BEFORE UPDATE OF text, principal_id ON requests FOR EACH ROW
WHEN (OLD.text <> NEW.text OR OLD.principal_id <> NEW.principal_id)
EXECUTE FUNCTION refuse_other_words();
