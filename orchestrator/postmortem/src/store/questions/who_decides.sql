SELECT p.name AS person, count(*) FILTER (WHERE a.decision = 'approve') AS approved,
    count(*) FILTER (WHERE a.decision = 'reject') AS rejected,
    count(*) FILTER (WHERE a.decision = 'approve' AND r.principal_id = a.principal_id) AS own_approved,
    count(*) FILTER (WHERE a.decision = 'approve' AND l.risk IN ('high', 'destructive')) AS high_risk_approved,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.at - l.created_at))::numeric, 1) AS median_seconds
FROM approvals a
JOIN principals p ON p.id = a.principal_id
JOIN plans l ON l.id = a.plan_id
JOIN requests r ON r.id = l.request_id
WHERE a.standing_id IS NULL AND a.at >= $1 AND a.at < $2
GROUP BY p.id, p.name
ORDER BY approved DESC, person
