-- Three days of a small house, small enough to count by hand. Triggers and references to what no question asks for are left out.
SET session_replication_role = replica;

INSERT INTO principals (id, name, role, kind, created_at)
SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, name, role, kind, '2026-01-01'
FROM (VALUES (1, 'ada', 'requester', 'person'), (2, 'bob', 'approver', 'person'), (3, 'ticket-bot', 'requester', 'program')) AS p (n, name, role, kind);

-- r: number, who, words, status, made, ended
INSERT INTO requests (id, principal_id, text, status, trace_id, plan_id, created_at, updated_at, finished_at)
SELECT ('00000000-0000-7000-8000-0000000001' || lpad(n::text, 2, '0'))::uuid, ('00000000-0000-7000-8000-00000000000' || who)::uuid, words, status,
    repeat('a', 32), ('00000000-0000-7000-8000-0000000002' || lpad(n::text, 2, '0'))::uuid, made::timestamptz, ended::timestamptz, ended::timestamptz
FROM (VALUES
    (1, 1, 'deploy kuma to nas', 'completed', '2026-03-01T10:00:00Z', '2026-03-01T10:05:00Z'),
    (2, 1, 'restart nginx on web1', 'failed', '2026-03-02T09:00:00Z', '2026-03-02T09:10:00Z'),
    (3, 2, 'deploy kuma everywhere', 'completed', '2026-03-02T11:00:00Z', '2026-03-02T11:02:00Z'),
    (4, 3, 'prune docker on nas', 'rejected', '2026-03-03T08:00:00Z', '2026-03-03T08:30:00Z')
) AS r (n, who, words, status, made, ended);

INSERT INTO plans (id, request_id, revision, round, state, body, summary, risk, estimated_seconds, planned_by, approvals_needed, created_at, approved_at)
SELECT ('00000000-0000-7000-8000-0000000002' || lpad(n::text, 2, '0'))::uuid, ('00000000-0000-7000-8000-0000000001' || lpad(n::text, 2, '0'))::uuid,
    1, 1, state, '{}', '', risk, 10, '{}', 1, made::timestamptz, approved::timestamptz
FROM (VALUES
    (1, 'approved', 'medium', '2026-03-01T10:00:10Z', '2026-03-01T10:01:10Z'),
    (2, 'approved', 'low', '2026-03-02T09:00:30Z', '2026-03-02T09:05:30Z'),
    (3, 'approved', 'high', '2026-03-02T11:00:05Z', '2026-03-02T11:00:25Z'),
    (4, 'rejected', 'destructive', '2026-03-03T08:00:00Z', NULL)
) AS l (n, state, risk, made, approved);

INSERT INTO approvals (id, plan_id, plan_sha256, principal_id, decision, at)
SELECT gen_random_uuid(), ('00000000-0000-7000-8000-0000000002' || lpad(n::text, 2, '0'))::uuid, 'x', '00000000-0000-7000-8000-000000000002', decision, at::timestamptz
FROM (VALUES
    (1, 'approve', '2026-03-01T10:01:10Z'),
    (2, 'approve', '2026-03-02T09:05:30Z'),
    (3, 'approve', '2026-03-02T11:00:25Z'),
    (4, 'reject', '2026-03-03T08:30:00Z')
) AS a (n, decision, at);

-- t: number, request, purpose, action, title, hosts, status, attempt, changed, what was foretold, error, commit, begun, ended
INSERT INTO tasks (id, request_id, plan_id, step_id, purpose, mode, agent_type, action, action_sha256, title, parameters, hosts, risk, repeatable,
    timeout_seconds, status, attempt, changed, preview, error, commit_id, created_at, updated_at, started_at, finished_at)
SELECT ('00000000-0000-7000-8000-0000000003' || lpad(n::text, 2, '0'))::uuid, ('00000000-0000-7000-8000-0000000001' || lpad(r::text, 2, '0'))::uuid,
    ('00000000-0000-7000-8000-0000000002' || lpad(r::text, 2, '0'))::uuid, 's1', purpose, CASE purpose WHEN 'apply' THEN 'apply' ELSE 'check' END,
    'infrastructure', action, 'x', title, '{}', hosts, 'low', 'yes', 60, status, attempt, changed, preview::jsonb, error::jsonb, commit, begun::timestamptz,
    ended::timestamptz, begun::timestamptz, ended::timestamptz
FROM (VALUES
    (1, 1, 'preview', 'deploy_kuma', 'Deploy Kuma to nas', '{nas}'::text[], 'completed', 1, false, '{"changes": [{"name": "a"}, {"name": "b"}]}', NULL, NULL, '2026-03-01T10:00:12Z', '2026-03-01T10:00:20Z'),
    (2, 1, 'apply', 'deploy_kuma', 'Deploy Kuma to nas', '{nas}', 'completed', 1, true, NULL, NULL, '0123456789abcdef', '2026-03-01T10:01:12Z', '2026-03-01T10:05:00Z'),
    (3, 2, 'apply', 'restart_service', 'Restart nginx on web1', '{web1}', 'failed', 2, NULL, NULL, '{"code": 5504, "message": "web1 can''t be reached"}', 'fedcba9876543210', '2026-03-02T09:06:30Z', '2026-03-02T09:10:00Z'),
    (4, 3, 'preview', 'deploy_kuma', 'Deploy Kuma to nas and web1', '{nas,web1}', 'completed', 1, false, '{"changes": [{"name": "a"}, {"name": "done", "done": true}]}', NULL, NULL, '2026-03-02T11:00:06Z', '2026-03-02T11:00:16Z'),
    (5, 3, 'apply', 'deploy_kuma', 'Deploy Kuma to nas and web1', '{nas,web1}', 'completed', 1, true, NULL, NULL, '00112233445566', '2026-03-02T11:00:35Z', '2026-03-02T11:02:00Z')
) AS t (n, r, purpose, action, title, hosts, status, attempt, changed, preview, error, commit, begun, ended);

INSERT INTO task_attempts (task_id, attempt, created_at, agent_id, started_at, finished_at, outcome, verified, duration_seconds, cpu_hours, memory_peak_gb, late_reports)
SELECT ('00000000-0000-7000-8000-0000000003' || lpad(task::text, 2, '0'))::uuid, attempt, begun::timestamptz, agent, begun::timestamptz, ended::timestamptz, outcome,
    true, seconds, 0.01, 0.25, late
FROM (VALUES
    (2, 1, 'infra-1', '2026-03-01T10:01:12Z', '2026-03-01T10:05:00Z', 'succeeded', 228.0, 0),
    (3, 1, 'infra-2', '2026-03-02T09:06:30Z', '2026-03-02T09:07:30Z', 'interrupted', NULL, 1),
    (3, 2, 'infra-1', '2026-03-02T09:08:00Z', '2026-03-02T09:10:00Z', 'failed', 120.0, 0),
    (5, 1, 'infra-1', '2026-03-02T11:00:35Z', '2026-03-02T11:02:00Z', 'succeeded', 85.0, 0)
) AS a (task, attempt, agent, begun, ended, outcome, seconds, late);

INSERT INTO host_results (task_id, attempt, host, status, ok, changed, skipped, failed, rescued, ignored, changes, message, from_log, recorded_at, made)
SELECT ('00000000-0000-7000-8000-0000000003' || lpad(task::text, 2, '0'))::uuid, attempt, host, status, 1, cardinality(changes), 0, 0, 0, 0, changes, message, false,
    '2026-03-03', '{}'
FROM (VALUES
    (2, 1, 'nas', 'completed', '{a,b}'::text[], NULL),
    (3, 2, 'web1', 'unreachable', '{}', 'no route to host'),
    (5, 1, 'nas', 'completed', '{a}', NULL),
    (5, 1, 'web1', 'completed', '{a,b,c}', NULL)
) AS h (task, attempt, host, status, changes, message);

INSERT INTO llm_calls (id, request_id, round, provider, model, state, tries, cost_micro_usd, input_tokens, output_tokens, started_at, finished_at)
SELECT gen_random_uuid(), ('00000000-0000-7000-8000-0000000001' || lpad(r::text, 2, '0'))::uuid, 1, provider, model, state, 1, cost, tokens, tokens / 10, at::timestamptz,
    at::timestamptz + interval '2 seconds'
FROM (VALUES
    (1, 'anthropic', 'large', 'succeeded', 20000, 1000, '2026-03-01T10:00:02Z'),
    (2, 'anthropic', 'large', 'succeeded', 500000, 9000, '2026-03-02T09:00:02Z'),
    (2, 'openai', 'small', 'failed', 0, NULL, '2026-03-02T09:00:01Z')
) AS c (r, provider, model, state, cost, tokens, at);

INSERT INTO dead_letters (id, fingerprint, queue, code, reason, signature, sender, headers, body, body_bytes, times, died_at, last_died_at)
VALUES (gen_random_uuid(), '\x01', 'orchestrator.results', 5012, 'the signature does not fit', 'invalid', 'infra-3', '{}', '\x', 0, 3, '2026-03-01', '2026-03-02');

INSERT INTO resource_metrics (at, agent_id, incarnation, seq, cpu_percent, load_1m, memory_total_mb, memory_available_mb, running)
VALUES ('2026-03-02T09:10:00Z', 'infra-1', 1, 1, 20, 1, 8000, 6000, 1), ('2026-03-02T09:40:00Z', 'infra-1', 1, 2, 40, 1, 8000, 5000, 2);
