SELECT r.created_at, r.text AS request, p.name AS requested_by, r.status, c.calls, c.cost_usd, r.id AS request_id
FROM (
    SELECT request_id, count(*) AS calls, round(sum(cost_micro_usd) / 1000000.0, 4) AS cost_usd
    FROM llm_calls
    WHERE started_at >= $1 AND started_at < $2
    GROUP BY request_id
) c
JOIN requests r ON r.id = c.request_id
JOIN principals p ON p.id = r.principal_id
WHERE c.cost_usd > 0
ORDER BY c.cost_usd DESC, r.id
