-- Each thing with a history has a slim row for it, so that a wide one is not written anew for each event; and all events can be read in one order.

-- Nothing is told while this is done. In this order, as whoever tells an event of a request has locked that before.
DO $$
BEGIN
    LOCK TABLE requests IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE request_events IN ACCESS EXCLUSIVE MODE;
END
$$;

CREATE TABLE streams (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    event_seq bigint NOT NULL DEFAULT 0,
    feed_position bigint NOT NULL DEFAULT 0,
    audit_seq bigint NOT NULL DEFAULT 0,
    audit_head bytea
) WITH (fillfactor = 70);
COMMENT ON TABLE streams IS 'One row for each thing with a history: where its events and its audit chain stand. Locked after the row of the thing itself.';
COMMENT ON COLUMN streams.id IS 'The id of the thing, such as a request.';
COMMENT ON COLUMN streams.kind IS 'What the thing is, such as request.';
COMMENT ON COLUMN streams.event_seq IS 'The last number of its events (RELIABILITY 23).';
COMMENT ON COLUMN streams.feed_position IS 'That of its last event: the next one has no lower one.';
COMMENT ON COLUMN streams.audit_seq IS 'The last number of its audit chain (RELIABILITY 21).';
COMMENT ON COLUMN streams.audit_head IS 'The hash of its last audit row.';
INSERT INTO streams (id, kind, event_seq, audit_seq, audit_head)
SELECT id, 'request', event_seq, audit_seq, audit_head
FROM requests;
COMMENT ON COLUMN requests.event_seq IS 'That of its stream, for the version before; kept true by a trigger.';
COMMENT ON COLUMN requests.audit_seq IS 'That of its stream, for the version before; kept true by a trigger.';
COMMENT ON COLUMN requests.audit_head IS 'That of its stream, for the version before; kept true by a trigger.';

-- Positions are numbers of transactions. A reader stops at the oldest one that runs, so nothing comes to stand before what it has read. Another
-- cluster, to which a backup was restored, counts its transactions anew: then the base is raised.
CREATE TABLE event_feed (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    base bigint NOT NULL,
    cluster bigint NOT NULL
);
COMMENT ON TABLE event_feed IS 'One row: how numbers of transactions become positions in the feed of all events.';
COMMENT ON COLUMN event_feed.is_one IS 'True: there is one row.';
COMMENT ON COLUMN event_feed.base IS 'What is added to a transaction''s number.';
COMMENT ON COLUMN event_feed.cluster IS 'The PostgreSQL cluster that these numbers are of (its system_identifier).';
INSERT INTO event_feed (base, cluster)
SELECT 0, system_identifier
FROM pg_control_system();

CREATE FUNCTION feed_position_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT base + pg_current_xact_id()::text::bigint FROM event_feed
$$;
COMMENT ON FUNCTION feed_position_now IS 'The position of what this transaction tells, unless its stream has a higher one.';
CREATE FUNCTION feed_horizon() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT base + pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM event_feed
$$;
COMMENT ON FUNCTION feed_horizon IS 'All events before this position are there: no transaction that runs can add one.';

-- What was told before comes first, thing by thing: nobody knows any more which transaction told it.
ALTER TABLE request_events
    DROP CONSTRAINT request_events_request_id_fkey,
    ADD CONSTRAINT request_events_stream_fkey FOREIGN KEY (request_id) REFERENCES streams (id),
    ADD COLUMN feed_position bigint NOT NULL DEFAULT 0;
ALTER TABLE request_events ALTER COLUMN feed_position DROP DEFAULT;
COMMENT ON TABLE request_events IS 'What live views replay, numbered per stream (RELIABILITY 23), and the feed of all events.';
COMMENT ON COLUMN request_events.request_id IS 'The stream, such as a request.';
COMMENT ON COLUMN request_events.kind IS 'request | task | message | plan | log | commit.';
COMMENT ON COLUMN request_events.feed_position IS 'With stream and number the place among all events: base and number of its transaction, or the position of its stream''s event before where that is higher.';
CREATE INDEX request_events_feed ON request_events (feed_position, request_id, seq);

-- For an orchestrator of the version before beside this one's; dropped with the three columns of requests in the next.
CREATE FUNCTION keep_stream_of_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO streams (id, kind, event_seq, audit_seq, audit_head)
        VALUES (NEW.id, 'request', NEW.event_seq, NEW.audit_seq, NEW.audit_head)
        ON CONFLICT (id) DO NOTHING;
    ELSE
        UPDATE streams
        SET event_seq = NEW.event_seq, audit_seq = NEW.audit_seq, audit_head = NEW.audit_head,
            feed_position = CASE WHEN NEW.event_seq > OLD.event_seq THEN GREATEST(feed_position, feed_position_now()) ELSE feed_position END
        WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_stream_of_request IS 'Keeps the stream of a request true to its row.';
CREATE TRIGGER keep_stream_of_request
AFTER INSERT OR UPDATE OF event_seq, audit_seq, audit_head ON requests
FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION keep_stream_of_request();

-- Once for all streams of a statement: many at a time are the rule.
CREATE FUNCTION keep_requests_of_streams() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE requests
    SET event_seq = changed.event_seq, audit_seq = changed.audit_seq, audit_head = changed.audit_head
    FROM changed
    WHERE requests.id = changed.id AND changed.kind = 'request';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_requests_of_streams IS 'Keeps the rows of requests true to their streams.';
CREATE TRIGGER keep_requests_of_new_streams
AFTER INSERT ON streams REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION keep_requests_of_streams();
CREATE TRIGGER keep_requests_of_streams
AFTER UPDATE ON streams REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION keep_requests_of_streams();

CREATE FUNCTION place_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.feed_position := GREATEST(feed_position_now(), (SELECT feed_position FROM streams WHERE id = NEW.request_id));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION place_event IS 'Gives an event of the version before its position.';
CREATE TRIGGER place_event
BEFORE INSERT ON request_events
FOR EACH ROW WHEN (NEW.feed_position IS NULL) EXECUTE FUNCTION place_event();
