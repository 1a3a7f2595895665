SELECT provider, COALESCE(model, '') AS model, count(*) AS calls, count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
    sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    round(sum(cost_micro_usd) / 1000000.0, 4) AS cost_usd,
    round(avg(extract(epoch FROM finished_at - started_at)) FILTER (WHERE state = 'succeeded')::numeric, 2) AS mean_seconds
FROM llm_calls
WHERE started_at >= $1 AND started_at < $2
GROUP BY provider, model
ORDER BY cost_usd DESC, provider, model
