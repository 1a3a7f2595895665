-- A request is looked up by the end of its id, as people are shown it and type it.

CREATE INDEX requests_id_from_its_end ON requests (reverse(id::text) text_pattern_ops);
