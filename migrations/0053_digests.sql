-- Notices that are held: gathered with others, or until quiet hours are over.

ALTER TABLE notices ADD COLUMN held_until timestamptz;
COMMENT ON COLUMN notices.held_until IS 'Until when it was held, to be told together with what else is held until then; null for what was told at once.';
