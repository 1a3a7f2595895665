SELECT r.finished_at, r.text AS request, p.name AS requested_by,
    round(extract(epoch FROM l.created_at - r.created_at)::numeric, 1) AS until_planned_seconds,
    round(extract(epoch FROM l.approved_at - l.created_at)::numeric, 1) AS preview_and_approval_seconds,
    round(extract(epoch FROM r.finished_at - l.approved_at)::numeric, 1) AS run_seconds,
    round(extract(epoch FROM r.finished_at - r.created_at)::numeric, 1) AS whole_seconds, r.id AS request_id
FROM requests r
JOIN principals p ON p.id = r.principal_id
JOIN plans l ON l.id = r.plan_id
WHERE l.approved_at IS NOT NULL AND r.finished_at >= $1 AND r.finished_at < $2
ORDER BY whole_seconds DESC, r.id
