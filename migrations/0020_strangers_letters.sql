-- How many letters of strangers lie open is asked with each new one: a flood of them is counted instead of kept.

CREATE INDEX dead_letters_of_strangers ON dead_letters (id) WHERE sender IS NULL AND replayed_at IS NULL AND purged_at IS NULL;
