-- What ends whoever takes it is not handed out again and again; and agents whose key is not enrolled are refused in sight of people.

ALTER TABLE requests ADD COLUMN planning_deaths int NOT NULL DEFAULT 0;
COMMENT ON COLUMN requests.planning_deaths IS 'How many planners of this round neither came to an end nor gave it back; with the second one it is set aside.';

COMMENT ON TABLE refused_hellos IS 'Agents that said hello and were refused, those with a key that is not enrolled among them, until they are not refused any more or a month has passed.';
COMMENT ON COLUMN refused_hellos.hostname IS 'Its machine, as it says.';
COMMENT ON COLUMN refused_hellos.times IS 'How often; for a key that is not enrolled, its heartbeats count too.';
