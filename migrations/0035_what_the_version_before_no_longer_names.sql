-- Dollars and histories stand once: the columns that were kept true for versions that are gone go, with their triggers.

DROP TRIGGER keep_money_of_requests ON requests;
DROP TRIGGER keep_money_of_plans ON plans;
DROP TRIGGER keep_money_of_calls ON llm_calls;
DROP TRIGGER keep_stream_of_request ON requests;
DROP TRIGGER keep_requests_of_new_streams ON streams;
DROP TRIGGER keep_requests_of_streams ON streams;
DROP TRIGGER place_event ON request_events;
DROP FUNCTION keep_money_of_requests, keep_money_of_plans, keep_money_of_calls, keep_stream_of_request, keep_requests_of_streams, place_event;

ALTER TABLE requests
    DROP COLUMN max_cost_usd,
    DROP COLUMN cost_usd,
    DROP COLUMN event_seq,
    DROP COLUMN audit_seq,
    DROP COLUMN audit_head;
ALTER TABLE plans DROP COLUMN estimated_cost_usd;
ALTER TABLE llm_calls
    DROP COLUMN reserved_usd,
    DROP COLUMN cost_usd;
DROP FUNCTION micro_usd;
