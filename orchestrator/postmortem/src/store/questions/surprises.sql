SELECT t.finished_at, t.title, predicted.changes AS predicted_changes, actual.changes AS actual_changes, t.status, t.request_id
FROM tasks t
JOIN tasks v ON v.plan_id = t.plan_id AND v.step_id = t.step_id AND v.purpose = 'preview' AND v.status = 'completed'
CROSS JOIN LATERAL (
    SELECT count(*) AS changes
    FROM jsonb_array_elements(CASE WHEN jsonb_typeof(v.preview -> 'changes') = 'array' THEN v.preview -> 'changes' ELSE '[]' END) AS c (change)
    WHERE c.change ->> 'done' IS DISTINCT FROM 'true'
) AS predicted
CROSS JOIN LATERAL (
    SELECT count(DISTINCT name) AS changes
    FROM host_outcomes o, unnest(o.changes) AS u (name)
    WHERE o.task_id = t.id
) AS actual
WHERE t.purpose = 'apply' AND t.status IN ('completed', 'failed') AND predicted.changes <> actual.changes
AND t.finished_at >= $1 AND t.finished_at < $2
ORDER BY abs(predicted.changes - actual.changes) DESC, t.finished_at DESC, t.id
