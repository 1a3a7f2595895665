SELECT code, reason, sender, queue, sum(times) AS letters, min(died_at) AS first, max(last_died_at) AS last,
    count(*) FILTER (WHERE replayed_at IS NULL AND purged_at IS NULL) AS open
FROM dead_letters
WHERE last_died_at >= $1 AND died_at < $2
GROUP BY code, reason, sender, queue
ORDER BY letters DESC, last DESC
