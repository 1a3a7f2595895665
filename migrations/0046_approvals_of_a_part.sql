-- A person may approve a part of a plan: it is still exactly that plan by its hash, and the steps that they leave out.
ALTER TABLE approvals ADD COLUMN left_out text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN approvals.left_out IS 'The steps that do not run by this approval, sorted; empty where all of the plan was approved.';
