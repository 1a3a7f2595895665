-- What has changed a host since a moment is looked up when a plan that destroys something is approved.

CREATE INDEX host_results_changed ON host_results (host, recorded_at) WHERE changed > 0;
