-- Each look at a task asks which hosts it holds: without this, all that are held are read for each.
CREATE INDEX host_locks_by_task ON host_locks (task_id);
