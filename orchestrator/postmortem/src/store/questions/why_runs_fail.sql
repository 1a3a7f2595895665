SELECT COALESCE(code::text, status) AS code, count(*) AS failures, count(DISTINCT request_id) AS requests,
    max(finished_at) AS last, (array_agg(message ORDER BY finished_at DESC))[1] AS last_message
FROM failures
WHERE purpose = 'apply' AND finished_at >= $1 AND finished_at < $2
GROUP BY 1
ORDER BY failures DESC, code
