SELECT finished_at, host, title, COALESCE(array_to_string(changes, '; '), '') AS changes, requested_by,
    left(commit_id, 10) AS commit, request_id
FROM changes_by_host
WHERE changed AND finished_at >= $1 AND finished_at < $2
ORDER BY finished_at DESC, task_id, host
