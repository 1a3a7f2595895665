SELECT f.finished_at, h.host, f.action, f.status, f.code, f.message, f.agent_id, f.request_id
FROM failures f
LEFT JOIN LATERAL unnest(f.hosts) AS h (host) ON true
WHERE f.purpose = 'apply' AND f.finished_at >= $1 AND f.finished_at < $2
ORDER BY f.finished_at DESC, f.task_id, h.host
