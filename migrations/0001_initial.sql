-- The whole schema of the first version. Truth lives here; the broker only wakes (docs/ARCHITECTURE.md).
-- Words for states are those of the contract and nothing else.

CREATE TABLE principals (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('viewer', 'requester', 'operator', 'approver', 'admin')),
    kind text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'program')),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE principals IS 'Who may ask, approve and administer: people, programs and the system itself.';
COMMENT ON COLUMN principals.id IS 'Time-ordered id.';
COMMENT ON COLUMN principals.name IS 'What records show.';
COMMENT ON COLUMN principals.role IS 'What they may do; each role includes the ones before it, except that an approver does not administer.';
COMMENT ON COLUMN principals.kind IS 'A program may never approve.';
COMMENT ON COLUMN principals.created_at IS 'When it was made.';

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principals (id),
    token_sha256 bytea NOT NULL UNIQUE,
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE api_tokens IS 'Bearer tokens, by their hash only.';
COMMENT ON COLUMN api_tokens.id IS 'Time-ordered id.';
COMMENT ON COLUMN api_tokens.principal_id IS 'Whose it is.';
COMMENT ON COLUMN api_tokens.token_sha256 IS 'SHA-256 of the token''s text.';
COMMENT ON COLUMN api_tokens.label IS 'What it is for.';
COMMENT ON COLUMN api_tokens.created_at IS 'When it was made.';
COMMENT ON COLUMN api_tokens.expires_at IS 'After this it counts no more; null never.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'When it was taken back.';

CREATE TABLE requests (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principals (id),
    conversation_id uuid,
    text text NOT NULL,
    status text NOT NULL CHECK (status IN ('planning', 'needs_input', 'discovering', 'previewing', 'awaiting_approval', 'running', 'needs_attention', 'paused', 'completed', 'failed', 'cancelled', 'rejected', 'expired')),
    waiting_for jsonb,
    trace_id text NOT NULL CHECK (trace_id ~ '^[0-9a-f]{32}$'),
    priority int NOT NULL DEFAULT 0,
    deadline timestamptz,
    max_cost_usd double precision,
    round int NOT NULL DEFAULT 1,
    planning_epoch bigint NOT NULL DEFAULT 0,
    planning_lease_until timestamptz,
    planning_tries int NOT NULL DEFAULT 0,
    resend_at timestamptz,
    deadline_at timestamptz,
    plan_id uuid,
    error jsonb,
    cost_usd double precision NOT NULL DEFAULT 0,
    event_seq bigint NOT NULL DEFAULT 0,
    audit_seq bigint NOT NULL DEFAULT 0,
    audit_head bytea,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz
);
COMMENT ON TABLE requests IS 'A wish in plain words and the conversation about it.';
COMMENT ON COLUMN requests.id IS 'Time-ordered id.';
COMMENT ON COLUMN requests.principal_id IS 'Who asked.';
COMMENT ON COLUMN requests.conversation_id IS 'Groups requests of one chat.';
COMMENT ON COLUMN requests.text IS 'The words.';
COMMENT ON COLUMN requests.status IS 'Where it stands.';
COMMENT ON COLUMN requests.waiting_for IS '{what, since, text}: what it waits for, for people; null when it does not wait.';
COMMENT ON COLUMN requests.trace_id IS 'The W3C trace id of all that follows.';
COMMENT ON COLUMN requests.priority IS 'Higher goes first.';
COMMENT ON COLUMN requests.deadline IS 'When the asker has no more use for it.';
COMMENT ON COLUMN requests.max_cost_usd IS 'The most that planning and running it may cost.';
COMMENT ON COLUMN requests.round IS 'Counts the conversation''s turns; a plan answers exactly one round.';
COMMENT ON COLUMN requests.planning_epoch IS 'Rises with each planning lease; an older holder''s writes match no row.';
COMMENT ON COLUMN requests.planning_lease_until IS 'A planner works on this round until then.';
COMMENT ON COLUMN requests.planning_tries IS 'How often this round was leased.';
COMMENT ON COLUMN requests.resend_at IS 'When the state that waits for a message is sent again (RELIABILITY 1).';
COMMENT ON COLUMN requests.deadline_at IS 'When this non-terminal state is looked at as stuck.';
COMMENT ON COLUMN requests.plan_id IS 'The current revision.';
COMMENT ON COLUMN requests.error IS '{code, message, details} of what ended or stopped it.';
COMMENT ON COLUMN requests.cost_usd IS 'Spent on models so far.';
COMMENT ON COLUMN requests.event_seq IS 'The last number of request_events (RELIABILITY 23).';
COMMENT ON COLUMN requests.audit_seq IS 'The last number of its audit chain (RELIABILITY 21).';
COMMENT ON COLUMN requests.audit_head IS 'The hash of its last audit row.';
COMMENT ON COLUMN requests.created_at IS 'When it was asked.';
COMMENT ON COLUMN requests.updated_at IS 'When it last changed.';
COMMENT ON COLUMN requests.finished_at IS 'When it reached its end.';
CREATE INDEX requests_by_time ON requests (created_at DESC, id);
CREATE INDEX requests_to_resend ON requests (resend_at) WHERE resend_at IS NOT NULL;
CREATE INDEX requests_open ON requests (status) WHERE finished_at IS NULL;
-- Lists are newest first by id, which is time-ordered.
CREATE INDEX requests_by_status ON requests (status, id);
CREATE INDEX requests_by_principal ON requests (principal_id, id);
CREATE INDEX requests_by_word ON requests USING gin (to_tsvector('simple', text));

CREATE TABLE messages (
    request_id uuid NOT NULL REFERENCES requests (id),
    seq int NOT NULL,
    at timestamptz NOT NULL,
    sender text NOT NULL CHECK (sender IN ('user', 'chiffon')),
    principal_id uuid REFERENCES principals (id),
    text text NOT NULL,
    round int NOT NULL,
    PRIMARY KEY (request_id, seq)
);
COMMENT ON TABLE messages IS 'The conversation of a request.';
COMMENT ON COLUMN messages.request_id IS 'The request.';
COMMENT ON COLUMN messages.seq IS 'Order within the request, from 1.';
COMMENT ON COLUMN messages.at IS 'When it was said.';
COMMENT ON COLUMN messages.sender IS 'Who said it.';
COMMENT ON COLUMN messages.principal_id IS 'Which person, for user.';
COMMENT ON COLUMN messages.text IS 'The words.';
COMMENT ON COLUMN messages.round IS 'The round it belongs to.';

CREATE TABLE plans (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES requests (id),
    revision int NOT NULL,
    round int NOT NULL,
    state text NOT NULL CHECK (state IN ('discovering', 'previewing', 'proposed', 'approved', 'rejected', 'superseded', 'expired', 'withdrawn', 'failed')),
    sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    body jsonb NOT NULL,
    summary text NOT NULL,
    risk text NOT NULL CHECK (risk IN ('read_only', 'low', 'medium', 'high', 'destructive')),
    estimated_seconds double precision NOT NULL,
    estimated_cost_usd double precision NOT NULL DEFAULT 0,
    planned_by jsonb NOT NULL,
    approvals_needed int NOT NULL DEFAULT 1,
    expires_at timestamptz,
    approved_at timestamptz,
    created_at timestamptz NOT NULL,
    UNIQUE (request_id, revision)
);
COMMENT ON TABLE plans IS 'Revisions of a request''s plan. Once its hash is set, a plan''s body never changes (enforced below).';
COMMENT ON COLUMN plans.id IS 'Time-ordered id.';
COMMENT ON COLUMN plans.request_id IS 'The request.';
COMMENT ON COLUMN plans.revision IS 'From 1.';
COMMENT ON COLUMN plans.round IS 'The conversation''s round that it answers.';
COMMENT ON COLUMN plans.state IS 'Where it stands.';
COMMENT ON COLUMN plans.sha256 IS 'SHA-256 of the canonical body (RELIABILITY 17); null until discovery has frozen its outputs.';
COMMENT ON COLUMN plans.body IS 'The plan document: summary, steps with action hashes, parameters and hosts, policy outcome.';
COMMENT ON COLUMN plans.summary IS 'For people.';
COMMENT ON COLUMN plans.risk IS 'The highest of its steps.';
COMMENT ON COLUMN plans.estimated_seconds IS 'From the actions'' history, or their documentation.';
COMMENT ON COLUMN plans.estimated_cost_usd IS 'Of running it.';
COMMENT ON COLUMN plans.planned_by IS '{provider, model}.';
COMMENT ON COLUMN plans.approvals_needed IS 'By policy; 0 runs at once.';
COMMENT ON COLUMN plans.expires_at IS 'When it can''t be approved any more.';
COMMENT ON COLUMN plans.approved_at IS 'When its last needed approval was consumed; one run per revision.';
COMMENT ON COLUMN plans.created_at IS 'When it was made.';
ALTER TABLE requests ADD CONSTRAINT requests_plan FOREIGN KEY (plan_id) REFERENCES plans (id);

CREATE TABLE approvals (
    id uuid PRIMARY KEY,
    plan_id uuid NOT NULL REFERENCES plans (id),
    plan_sha256 text NOT NULL,
    principal_id uuid NOT NULL REFERENCES principals (id),
    decision text NOT NULL CHECK (decision IN ('approve', 'reject', 'revise')),
    comment text,
    at timestamptz NOT NULL,
    consumed_at timestamptz,
    UNIQUE (plan_id, principal_id)
);
COMMENT ON TABLE approvals IS 'Decisions of people about exactly one plan.';
COMMENT ON COLUMN approvals.id IS 'Time-ordered id.';
COMMENT ON COLUMN approvals.plan_id IS 'The plan.';
COMMENT ON COLUMN approvals.plan_sha256 IS 'The hash they saw.';
COMMENT ON COLUMN approvals.principal_id IS 'Who decided.';
COMMENT ON COLUMN approvals.decision IS 'What they decided.';
COMMENT ON COLUMN approvals.comment IS 'Why.';
COMMENT ON COLUMN approvals.at IS 'When.';
COMMENT ON COLUMN approvals.consumed_at IS 'When it started the run, in the same transaction.';

CREATE TABLE agents (
    id text PRIMARY KEY,
    agent_type text NOT NULL CHECK (agent_type IN ('infrastructure', 'desktop')),
    hostname text NOT NULL,
    key_id text NOT NULL,
    incarnation bigint NOT NULL,
    journal_id uuid NOT NULL,
    version text NOT NULL,
    labels jsonb NOT NULL DEFAULT '{}',
    resources jsonb NOT NULL DEFAULT '{}',
    hosts jsonb NOT NULL DEFAULT '{}',
    availability text NOT NULL DEFAULT 'available' CHECK (availability IN ('available', 'busy', 'paused')),
    heartbeat_seq bigint NOT NULL DEFAULT 0,
    heartbeat jsonb,
    last_seen_at timestamptz NOT NULL,
    lease_expires_at timestamptz NOT NULL,
    enrolled_at timestamptz NOT NULL,
    hello_at timestamptz NOT NULL
);
COMMENT ON TABLE agents IS 'Every agent that has said hello, with its newest report. Observation, never intent.';
COMMENT ON COLUMN agents.id IS 'Stable over restarts.';
COMMENT ON COLUMN agents.agent_type IS 'The kind.';
COMMENT ON COLUMN agents.hostname IS 'Its machine.';
COMMENT ON COLUMN agents.key_id IS 'The id of the key it signs with.';
COMMENT ON COLUMN agents.incarnation IS 'Of its newest start.';
COMMENT ON COLUMN agents.journal_id IS 'Its journal.';
COMMENT ON COLUMN agents.version IS 'Its program''s version.';
COMMENT ON COLUMN agents.labels IS 'For people and placement.';
COMMENT ON COLUMN agents.resources IS 'What its machine has in all.';
COMMENT ON COLUMN agents.hosts IS 'Inventory groups with their hosts.';
COMMENT ON COLUMN agents.availability IS 'Whether it takes work.';
COMMENT ON COLUMN agents.heartbeat_seq IS 'Of the newest heartbeat of this incarnation.';
COMMENT ON COLUMN agents.heartbeat IS 'The newest heartbeat.';
COMMENT ON COLUMN agents.last_seen_at IS 'Postgres time at receipt.';
COMMENT ON COLUMN agents.lease_expires_at IS 'It counts as alive until then.';
COMMENT ON COLUMN agents.enrolled_at IS 'Its first hello.';
COMMENT ON COLUMN agents.hello_at IS 'Its newest hello.';

CREATE TABLE actions (
    name text NOT NULL,
    sha256 text NOT NULL,
    agent_type text NOT NULL CHECK (agent_type IN ('infrastructure', 'desktop')),
    spec jsonb NOT NULL,
    first_seen_at timestamptz NOT NULL,
    PRIMARY KEY (name, sha256)
);
COMMENT ON TABLE actions IS 'Versions of actions as agents announced them, by content.';
COMMENT ON COLUMN actions.name IS 'The action''s name.';
COMMENT ON COLUMN actions.sha256 IS 'The hash of its folder.';
COMMENT ON COLUMN actions.agent_type IS 'Who runs it.';
COMMENT ON COLUMN actions.spec IS 'What its action.yml says.';
COMMENT ON COLUMN actions.first_seen_at IS 'When it was first announced; the newest wins for new plans.';

CREATE TABLE agent_actions (
    agent_id text NOT NULL REFERENCES agents (id),
    name text NOT NULL,
    sha256 text NOT NULL,
    announced_at timestamptz NOT NULL,
    PRIMARY KEY (agent_id, name),
    FOREIGN KEY (name, sha256) REFERENCES actions (name, sha256)
);
COMMENT ON TABLE agent_actions IS 'Which agent has which version of which action.';
COMMENT ON COLUMN agent_actions.agent_id IS 'The agent.';
COMMENT ON COLUMN agent_actions.name IS 'The action.';
COMMENT ON COLUMN agent_actions.sha256 IS 'Its content.';
COMMENT ON COLUMN agent_actions.announced_at IS 'By which hello.';

CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES requests (id),
    plan_id uuid NOT NULL REFERENCES plans (id),
    step_id text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('discover', 'preview', 'apply')),
    mode text NOT NULL CHECK (mode IN ('apply', 'check')),
    agent_type text NOT NULL CHECK (agent_type IN ('infrastructure', 'desktop')),
    action text NOT NULL,
    action_sha256 text NOT NULL,
    title text NOT NULL,
    parameters jsonb NOT NULL,
    resolved_parameters jsonb,
    resources jsonb NOT NULL DEFAULT '{}',
    hosts text[] NOT NULL,
    depends_on text[] NOT NULL DEFAULT '{}',
    risk text NOT NULL,
    repeatable text NOT NULL CHECK (repeatable IN ('yes', 'check_first', 'no')),
    timeout_seconds bigint NOT NULL,
    priority int NOT NULL DEFAULT 0,
    status text NOT NULL CHECK (status IN ('pending', 'waiting', 'dispatched', 'running', 'completed', 'failed', 'cancelled', 'interrupted', 'unknown', 'skipped')),
    waiting_for jsonb,
    attempt int NOT NULL DEFAULT 0,
    offer int NOT NULL DEFAULT 0,
    excluded_agents text[] NOT NULL DEFAULT '{}',
    claim_by timestamptz,
    resend_at timestamptz,
    deadline_at timestamptz,
    cancel_requested_at timestamptz,
    cancel_reason text,
    progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    message text NOT NULL DEFAULT '',
    output text,
    outputs jsonb NOT NULL DEFAULT '{}',
    changed boolean,
    warnings jsonb NOT NULL DEFAULT '[]',
    preview jsonb,
    error jsonb,
    commit_id text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (plan_id, step_id, purpose)
);
COMMENT ON TABLE tasks IS 'A plan''s step at work: a discovery, a preview, or the real thing.';
COMMENT ON COLUMN tasks.id IS 'Time-ordered id.';
COMMENT ON COLUMN tasks.request_id IS 'The request.';
COMMENT ON COLUMN tasks.plan_id IS 'The revision.';
COMMENT ON COLUMN tasks.step_id IS 'The plan''s step.';
COMMENT ON COLUMN tasks.purpose IS 'Why it runs.';
COMMENT ON COLUMN tasks.mode IS 'Whether it changes hosts.';
COMMENT ON COLUMN tasks.agent_type IS 'Who runs it.';
COMMENT ON COLUMN tasks.action IS 'The action.';
COMMENT ON COLUMN tasks.action_sha256 IS 'Its content.';
COMMENT ON COLUMN tasks.title IS 'What it does, for people.';
COMMENT ON COLUMN tasks.parameters IS 'As planned; may hold references to outputs.';
COMMENT ON COLUMN tasks.resolved_parameters IS 'As sent.';
COMMENT ON COLUMN tasks.resources IS 'What it needs.';
COMMENT ON COLUMN tasks.hosts IS 'What it may touch, canonical and sorted.';
COMMENT ON COLUMN tasks.depends_on IS 'Steps that must be completed first.';
COMMENT ON COLUMN tasks.risk IS 'The action''s risk.';
COMMENT ON COLUMN tasks.repeatable IS 'Whether it may be tried again.';
COMMENT ON COLUMN tasks.timeout_seconds IS 'The longest it may run.';
COMMENT ON COLUMN tasks.priority IS 'The request''s.';
COMMENT ON COLUMN tasks.status IS 'Where it stands.';
COMMENT ON COLUMN tasks.waiting_for IS '{what, since, text}: what it waits for, for people.';
COMMENT ON COLUMN tasks.attempt IS 'The newest attempt; 0 before the first.';
COMMENT ON COLUMN tasks.offer IS 'The newest offer of that attempt.';
COMMENT ON COLUMN tasks.excluded_agents IS 'Agents that declined it.';
COMMENT ON COLUMN tasks.claim_by IS 'When the offer is withdrawn if nobody claims it.';
COMMENT ON COLUMN tasks.resend_at IS 'When the state that waits for a message is sent again.';
COMMENT ON COLUMN tasks.deadline_at IS 'When this state is looked at as stuck.';
COMMENT ON COLUMN tasks.cancel_requested_at IS 'Desired state: it should be cancelled (RELIABILITY 15).';
COMMENT ON COLUMN tasks.cancel_reason IS 'By whom and why.';
COMMENT ON COLUMN tasks.progress IS 'Percent.';
COMMENT ON COLUMN tasks.message IS 'What it does at this moment.';
COMMENT ON COLUMN tasks.output IS 'A summary of what it did.';
COMMENT ON COLUMN tasks.outputs IS 'The action''s outputs.';
COMMENT ON COLUMN tasks.changed IS 'Whether a host was changed.';
COMMENT ON COLUMN tasks.warnings IS 'What a person should know although it succeeded.';
COMMENT ON COLUMN tasks.preview IS 'What a check run predicts: {coverage, tasks, changes, not_previewed}.';
COMMENT ON COLUMN tasks.error IS '{code, message, details}.';
COMMENT ON COLUMN tasks.commit_id IS 'Its commit in the audit repository.';
COMMENT ON COLUMN tasks.created_at IS 'When the plan made it.';
COMMENT ON COLUMN tasks.updated_at IS 'When it last changed.';
COMMENT ON COLUMN tasks.started_at IS 'When an agent began.';
COMMENT ON COLUMN tasks.finished_at IS 'When it ended.';
CREATE INDEX tasks_by_request ON tasks (request_id, created_at);
CREATE INDEX tasks_ready ON tasks (priority DESC, created_at) WHERE status = 'waiting';
CREATE INDEX tasks_open ON tasks (status) WHERE finished_at IS NULL;
CREATE INDEX tasks_to_resend ON tasks (resend_at) WHERE resend_at IS NOT NULL;
CREATE INDEX tasks_by_action ON tasks (action, request_id);
CREATE INDEX tasks_by_host ON tasks USING gin (hosts);

CREATE TABLE task_attempts (
    task_id uuid NOT NULL REFERENCES tasks (id),
    attempt int NOT NULL,
    created_at timestamptz NOT NULL,
    agent_id text,
    incarnation bigint,
    journal_id uuid,
    claim_id uuid,
    claimed_at timestamptz,
    work_sha256 text,
    lease_expires_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    outcome text CHECK (outcome IN ('succeeded', 'failed', 'cancelled', 'interrupted', 'not_started')),
    verified boolean NOT NULL DEFAULT true,
    exit_code int,
    output text,
    error jsonb,
    duration_seconds double precision,
    cpu_hours double precision,
    memory_peak_gb double precision,
    last_seq bigint,
    stored_seq bigint NOT NULL DEFAULT 0,
    late_reports int NOT NULL DEFAULT 0,
    PRIMARY KEY (task_id, attempt)
);
COMMENT ON TABLE task_attempts IS 'Who owns which try of a task, and how it ended.';
COMMENT ON COLUMN task_attempts.task_id IS 'The task.';
COMMENT ON COLUMN task_attempts.attempt IS 'From 1.';
COMMENT ON COLUMN task_attempts.created_at IS 'When it was first offered; its log''s partition key.';
COMMENT ON COLUMN task_attempts.agent_id IS 'The owner, once claimed.';
COMMENT ON COLUMN task_attempts.incarnation IS 'The owner''s incarnation at the claim.';
COMMENT ON COLUMN task_attempts.journal_id IS 'The owner''s journal.';
COMMENT ON COLUMN task_attempts.claim_id IS 'The claim that was granted; the same one gets the same answer.';
COMMENT ON COLUMN task_attempts.claimed_at IS 'When.';
COMMENT ON COLUMN task_attempts.work_sha256 IS 'The body that may be run.';
COMMENT ON COLUMN task_attempts.lease_expires_at IS 'The owner''s lease, renewed by heartbeats that name the attempt.';
COMMENT ON COLUMN task_attempts.started_at IS 'When the owner first reported it running.';
COMMENT ON COLUMN task_attempts.finished_at IS 'When its result was stored.';
COMMENT ON COLUMN task_attempts.outcome IS 'How it ended.';
COMMENT ON COLUMN task_attempts.verified IS 'Whether its reports were signed.';
COMMENT ON COLUMN task_attempts.exit_code IS 'Of ansible-playbook.';
COMMENT ON COLUMN task_attempts.output IS 'A summary.';
COMMENT ON COLUMN task_attempts.error IS '{code, message, details}.';
COMMENT ON COLUMN task_attempts.duration_seconds IS 'As the agent measured it.';
COMMENT ON COLUMN task_attempts.cpu_hours IS 'What it cost.';
COMMENT ON COLUMN task_attempts.memory_peak_gb IS 'What it cost.';
COMMENT ON COLUMN task_attempts.last_seq IS 'The number of its last log event, by its result.';
COMMENT ON COLUMN task_attempts.stored_seq IS 'The last log event stored without a gap.';
COMMENT ON COLUMN task_attempts.late_reports IS 'Reports that came after the end and changed nothing.';
CREATE INDEX attempts_open ON task_attempts (lease_expires_at) WHERE claimed_at IS NOT NULL AND finished_at IS NULL;

CREATE TABLE host_locks (
    host text PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id),
    attempt int NOT NULL,
    taken_at timestamptz NOT NULL
);
COMMENT ON TABLE host_locks IS 'Which task owns a host at this moment: two tasks never change one host at the same time (RELIABILITY 12).';
COMMENT ON COLUMN host_locks.host IS 'The canonical name.';
COMMENT ON COLUMN host_locks.task_id IS 'The owner.';
COMMENT ON COLUMN host_locks.attempt IS 'The owner''s attempt.';
COMMENT ON COLUMN host_locks.taken_at IS 'Since when.';

CREATE TABLE request_events (
    request_id uuid NOT NULL REFERENCES requests (id),
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (request_id, seq)
);
COMMENT ON TABLE request_events IS 'What live views replay, numbered per request (RELIABILITY 23).';
COMMENT ON COLUMN request_events.request_id IS 'The request.';
COMMENT ON COLUMN request_events.seq IS 'The SSE cursor.';
COMMENT ON COLUMN request_events.at IS 'When.';
COMMENT ON COLUMN request_events.kind IS 'request | task | message | plan | log.';
COMMENT ON COLUMN request_events.data IS 'What changed.';

CREATE TABLE llm_calls (
    id uuid PRIMARY KEY,
    request_id uuid REFERENCES requests (id),
    round int,
    provider text NOT NULL,
    model text,
    state text NOT NULL CHECK (state IN ('reserved', 'succeeded', 'invalid', 'failed', 'skipped', 'uncertain')),
    tries int NOT NULL DEFAULT 0,
    reserved_usd double precision NOT NULL DEFAULT 0,
    cost_usd double precision NOT NULL DEFAULT 0,
    input_tokens bigint,
    output_tokens bigint,
    error jsonb,
    answer text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);
COMMENT ON TABLE llm_calls IS 'Every call to a model, reserved before and settled after.';
COMMENT ON COLUMN llm_calls.id IS 'Time-ordered id.';
COMMENT ON COLUMN llm_calls.request_id IS 'What it was for.';
COMMENT ON COLUMN llm_calls.round IS 'The conversation''s round.';
COMMENT ON COLUMN llm_calls.provider IS 'The name in the configuration.';
COMMENT ON COLUMN llm_calls.model IS 'The model asked for.';
COMMENT ON COLUMN llm_calls.state IS 'What became of it.';
COMMENT ON COLUMN llm_calls.tries IS 'HTTP calls made.';
COMMENT ON COLUMN llm_calls.reserved_usd IS 'The worst case, before the call.';
COMMENT ON COLUMN llm_calls.cost_usd IS 'What it cost.';
COMMENT ON COLUMN llm_calls.input_tokens IS 'As the provider counted.';
COMMENT ON COLUMN llm_calls.output_tokens IS 'As the provider counted.';
COMMENT ON COLUMN llm_calls.error IS '{code, message, details}, or why it was passed over.';
COMMENT ON COLUMN llm_calls.answer IS 'What came back, for invalid ones.';
COMMENT ON COLUMN llm_calls.started_at IS 'When.';
COMMENT ON COLUMN llm_calls.finished_at IS 'When.';
CREATE INDEX llm_calls_by_provider ON llm_calls (provider, started_at);
CREATE INDEX llm_calls_by_request ON llm_calls (request_id);
CREATE INDEX llm_calls_by_time ON llm_calls (started_at);

CREATE TABLE audit_log (
    chain text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    data jsonb NOT NULL,
    prev_hash bytea,
    hash bytea NOT NULL,
    PRIMARY KEY (chain, seq)
);
COMMENT ON TABLE audit_log IS 'Who did what, when: append-only and hash-chained (RELIABILITY 21).';
COMMENT ON COLUMN audit_log.chain IS 'A request''s id, or system.';
COMMENT ON COLUMN audit_log.seq IS 'From 1, without gaps.';
COMMENT ON COLUMN audit_log.at IS 'When.';
COMMENT ON COLUMN audit_log.actor IS 'The principal''s or agent''s name, or chiffon.';
COMMENT ON COLUMN audit_log.event IS 'What happened, such as plan.approved.';
COMMENT ON COLUMN audit_log.data IS 'The particulars.';
COMMENT ON COLUMN audit_log.prev_hash IS 'The hash of the row before; null for the first.';
COMMENT ON COLUMN audit_log.hash IS 'SHA-256 of the previous hash and this row''s canonical JSON.';

CREATE TABLE audit_heads (
    chain text PRIMARY KEY,
    seq bigint NOT NULL,
    head bytea
);
COMMENT ON TABLE audit_heads IS 'The head of the system chain (a request''s head stands in its own row).';
COMMENT ON COLUMN audit_heads.chain IS 'system.';
COMMENT ON COLUMN audit_heads.seq IS 'Its last number.';
COMMENT ON COLUMN audit_heads.head IS 'Its last hash.';

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    exchange text NOT NULL,
    routing_key text NOT NULL,
    recipient text NOT NULL,
    envelope jsonb NOT NULL,
    request_id uuid,
    task_id uuid,
    attempt int,
    offer int,
    created_at timestamptz NOT NULL,
    leased_until timestamptz,
    tries int NOT NULL DEFAULT 0,
    last_error text
);
COMMENT ON TABLE outbox IS 'What has to be published, written in the transaction that made it true (RELIABILITY 2).';
COMMENT ON COLUMN outbox.id IS 'Order.';
COMMENT ON COLUMN outbox.message_id IS 'The envelope''s; the same when sent again.';
COMMENT ON COLUMN outbox.exchange IS 'Where to.';
COMMENT ON COLUMN outbox.routing_key IS 'Where to.';
COMMENT ON COLUMN outbox.recipient IS 'Whom the signature names: a queue or an agent id.';
COMMENT ON COLUMN outbox.envelope IS 'The envelope; signed when it is sent.';
COMMENT ON COLUMN outbox.request_id IS 'What it belongs to.';
COMMENT ON COLUMN outbox.task_id IS 'The offered task, for work.';
COMMENT ON COLUMN outbox.attempt IS 'The offered attempt.';
COMMENT ON COLUMN outbox.offer IS 'The offer''s number.';
COMMENT ON COLUMN outbox.created_at IS 'When.';
COMMENT ON COLUMN outbox.leased_until IS 'A relay sends it until then.';
COMMENT ON COLUMN outbox.tries IS 'How often it was sent.';
COMMENT ON COLUMN outbox.last_error IS 'Why the last try failed.';

CREATE TABLE git_outbox (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES requests (id),
    task_id uuid REFERENCES tasks (id),
    payload jsonb NOT NULL,
    author text NOT NULL,
    at timestamptz NOT NULL,
    commit_id text,
    epoch bigint,
    settled_at timestamptz,
    tries int NOT NULL DEFAULT 0,
    last_error text
);
COMMENT ON TABLE git_outbox IS 'What has to be committed to the audit repository, exactly once.';
COMMENT ON COLUMN git_outbox.id IS 'Also the Record-Id trailer of its commit.';
COMMENT ON COLUMN git_outbox.request_id IS 'The request.';
COMMENT ON COLUMN git_outbox.task_id IS 'The task, when it records one.';
COMMENT ON COLUMN git_outbox.payload IS 'Subject, trailers and files of the commit.';
COMMENT ON COLUMN git_outbox.author IS 'The commit''s author.';
COMMENT ON COLUMN git_outbox.at IS 'The commit''s time.';
COMMENT ON COLUMN git_outbox.commit_id IS 'The commit made of it, recorded under an epoch before the ref moves.';
COMMENT ON COLUMN git_outbox.epoch IS 'The scribe''s epoch.';
COMMENT ON COLUMN git_outbox.settled_at IS 'When the ref was seen to contain it.';
COMMENT ON COLUMN git_outbox.tries IS 'How often it was tried.';
COMMENT ON COLUMN git_outbox.last_error IS 'Why the last try failed.';
CREATE INDEX git_outbox_open ON git_outbox (at, id) WHERE settled_at IS NULL;
CREATE INDEX git_outbox_by_request ON git_outbox (request_id);

CREATE TABLE leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE leases IS 'Which process does what only one may do, with a fencing epoch.';
COMMENT ON COLUMN leases.name IS 'lease_reaper, git_scribe, ...';
COMMENT ON COLUMN leases.holder IS 'The process.';
COMMENT ON COLUMN leases.epoch IS 'Rises with each new holder.';
COMMENT ON COLUMN leases.expires_at IS 'Until when.';

CREATE TABLE idempotency_keys (
    principal_id uuid NOT NULL REFERENCES principals (id),
    key text NOT NULL,
    request_sha256 text NOT NULL,
    response_status int,
    response_body jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (principal_id, key)
);
COMMENT ON TABLE idempotency_keys IS 'Answers to writes that carried an Idempotency-Key.';
COMMENT ON COLUMN idempotency_keys.principal_id IS 'Whose key.';
COMMENT ON COLUMN idempotency_keys.key IS 'The header''s value.';
COMMENT ON COLUMN idempotency_keys.request_sha256 IS 'The hash of method, path and body.';
COMMENT ON COLUMN idempotency_keys.response_status IS 'The answer''s status; null while it is being worked on.';
COMMENT ON COLUMN idempotency_keys.response_body IS 'The answer.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When; kept for a day.';

CREATE TABLE execution_logs (
    created_at timestamptz NOT NULL,
    task_id uuid NOT NULL,
    attempt int NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    host text,
    name text,
    text text NOT NULL,
    diff text,
    PRIMARY KEY (created_at, task_id, attempt, seq)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE execution_logs IS 'Numbered log events of attempts, partitioned by the attempt''s creation time, so that a replay hits the same row (RELIABILITY 16).';
COMMENT ON COLUMN execution_logs.created_at IS 'The attempt''s creation time.';
COMMENT ON COLUMN execution_logs.task_id IS 'The task.';
COMMENT ON COLUMN execution_logs.attempt IS 'The attempt.';
COMMENT ON COLUMN execution_logs.seq IS 'Numbered per attempt from 1.';
COMMENT ON COLUMN execution_logs.at IS 'When it happened on the agent.';
COMMENT ON COLUMN execution_logs.kind IS 'What happened, such as task_changed.';
COMMENT ON COLUMN execution_logs.host IS 'The managed host.';
COMMENT ON COLUMN execution_logs.name IS 'The Ansible task.';
COMMENT ON COLUMN execution_logs.text IS 'For people.';
COMMENT ON COLUMN execution_logs.diff IS 'A unified diff.';
CREATE INDEX execution_logs_by_attempt ON execution_logs (task_id, attempt, seq);
-- Catches what no monthly partition covers, so that a line is never refused.
CREATE TABLE execution_logs_default PARTITION OF execution_logs DEFAULT;

CREATE TABLE resource_metrics (
    at timestamptz NOT NULL,
    agent_id text NOT NULL,
    incarnation bigint NOT NULL,
    seq bigint NOT NULL,
    cpu_percent double precision NOT NULL,
    load_1m double precision NOT NULL,
    memory_total_mb bigint NOT NULL,
    memory_available_mb bigint NOT NULL,
    gpu_percent double precision,
    gpu_memory_free_mb bigint,
    running int NOT NULL,
    PRIMARY KEY (at, agent_id, incarnation, seq)
) PARTITION BY RANGE (at);
COMMENT ON TABLE resource_metrics IS 'Heartbeats over time, partitioned by receipt.';
COMMENT ON COLUMN resource_metrics.at IS 'Postgres time at receipt.';
COMMENT ON COLUMN resource_metrics.agent_id IS 'The agent.';
COMMENT ON COLUMN resource_metrics.incarnation IS 'Its start.';
COMMENT ON COLUMN resource_metrics.seq IS 'Its heartbeat''s number.';
COMMENT ON COLUMN resource_metrics.cpu_percent IS 'Percent of all cores.';
COMMENT ON COLUMN resource_metrics.load_1m IS 'One-minute load average.';
COMMENT ON COLUMN resource_metrics.memory_total_mb IS 'MiB.';
COMMENT ON COLUMN resource_metrics.memory_available_mb IS 'MiB.';
COMMENT ON COLUMN resource_metrics.gpu_percent IS 'Of the busiest GPU; null without one.';
COMMENT ON COLUMN resource_metrics.gpu_memory_free_mb IS 'MiB free on the freest GPU; null without one.';
COMMENT ON COLUMN resource_metrics.running IS 'Attempts it runs.';
CREATE INDEX resource_metrics_by_agent ON resource_metrics (agent_id, at DESC);
CREATE TABLE resource_metrics_default PARTITION OF resource_metrics DEFAULT;

INSERT INTO audit_heads (chain, seq, head) VALUES ('system', 0, NULL);

-- The audit log is append-only, whoever asks.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A plan whose hash is set is immutable: only its state and its approval may change.
CREATE FUNCTION refuse_plan_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sha256 IS NOT NULL AND (NEW.sha256 IS DISTINCT FROM OLD.sha256 OR NEW.body IS DISTINCT FROM OLD.body
        OR NEW.revision <> OLD.revision OR NEW.approvals_needed <> OLD.approvals_needed) THEN
        RAISE EXCEPTION 'plan % is frozen', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plans_frozen BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

-- Post-mortem views: example queries are in docs/operating.md.
CREATE VIEW request_timeline AS
SELECT chain AS request_id, seq, at, actor, event, data
FROM audit_log
WHERE chain <> 'system'
ORDER BY chain, seq;
COMMENT ON VIEW request_timeline IS 'What happened to each request, in order.';

CREATE VIEW failures AS
SELECT t.request_id, t.id AS task_id, t.attempt, t.step_id, t.purpose, t.action, t.hosts, t.status,
       (t.error ->> 'code')::int AS code, t.error ->> 'message' AS message, a.agent_id, t.finished_at
FROM tasks t
LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
WHERE t.status IN ('failed', 'interrupted', 'unknown');
COMMENT ON VIEW failures IS 'Tasks that did not end well, with code and message.';

CREATE VIEW cost_by_provider AS
SELECT date_trunc('month', started_at) AS month, provider, model, count(*) AS calls,
       count(*) FILTER (WHERE state = 'succeeded') AS succeeded, sum(cost_usd) AS cost_usd,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
FROM llm_calls
GROUP BY 1, 2, 3;
COMMENT ON VIEW cost_by_provider IS 'What models cost, by month.';

CREATE VIEW task_resource_usage AS
SELECT t.action, a.task_id, a.attempt, a.agent_id, a.duration_seconds, a.cpu_hours, a.memory_peak_gb, a.finished_at
FROM task_attempts a
JOIN tasks t ON t.id = a.task_id
WHERE a.finished_at IS NOT NULL;
COMMENT ON VIEW task_resource_usage IS 'What attempts cost.';

CREATE VIEW changes_by_host AS
SELECT h.host, t.finished_at, t.title, t.action, t.changed, t.request_id, t.id AS task_id, t.commit_id, p.name AS requested_by
FROM tasks t
CROSS JOIN LATERAL unnest(t.hosts) AS h (host)
JOIN requests r ON r.id = t.request_id
JOIN principals p ON p.id = r.principal_id
WHERE t.purpose = 'apply' AND t.mode = 'apply' AND t.status = 'completed';
COMMENT ON VIEW changes_by_host IS 'What was applied to each host, when, and for whom.';

-- The role of `chiffon sql`: reads everything but secrets. Roles belong to the whole server, so it may exist already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem') THEN
        CREATE ROLE chiffon_postmortem NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
GRANT USAGE ON SCHEMA public TO chiffon_postmortem;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO chiffon_postmortem;
REVOKE ALL ON api_tokens, idempotency_keys FROM chiffon_postmortem;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO chiffon_postmortem;
