-- How many requests of one principal are open is asked with each new one.

CREATE INDEX requests_open_of_principal ON requests (principal_id) WHERE finished_at IS NULL;
