SELECT p.name AS person, count(*) AS requests, count(*) FILTER (WHERE r.status = 'completed') AS completed,
    count(*) FILTER (WHERE r.status IN ('failed', 'needs_attention')) AS failed,
    count(*) FILTER (WHERE r.status = 'rejected') AS rejected,
    count(*) FILTER (WHERE r.status IN ('cancelled', 'expired')) AS given_up, max(r.created_at) AS last
FROM requests r
JOIN principals p ON p.id = r.principal_id
WHERE r.created_at >= $1 AND r.created_at < $2
GROUP BY p.id, p.name
ORDER BY requests DESC, person
