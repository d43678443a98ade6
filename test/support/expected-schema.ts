/** The schema after all migrations, written by hand. */
export const EXPECTED_SCHEMA = `
  CREATE TABLE tasks (
    id               uuid         NOT NULL,
    task_type        varchar(50)  NOT NULL,
    description      text         NOT NULL,
    from_role        varchar(50)  NOT NULL,
    to_role          varchar(50)  NOT NULL,
    data             jsonb        NOT NULL DEFAULT '{}',
    trace_id         uuid         NOT NULL,
    idempotency_key  uuid         NOT NULL,
    created_at       timestamptz  NOT NULL DEFAULT now(),
    context          jsonb        NOT NULL DEFAULT '{}',
    created_by       text         NOT NULL,
    priority         varchar(10)  NOT NULL DEFAULT 'normal',
    deadline_at      timestamptz,
    max_attempts     integer      NOT NULL DEFAULT 3,
    parent_task_id   uuid,
    requires_approval jsonb,
    CONSTRAINT tasks_pkey PRIMARY KEY (id),
    CONSTRAINT tasks_parent_task_id_fk FOREIGN KEY (parent_task_id) REFERENCES tasks (id),
    CONSTRAINT tasks_priority_ck CHECK (priority IN ('low', 'normal', 'high')),
    CONSTRAINT tasks_max_attempts_ck CHECK (max_attempts BETWEEN 1 AND 100)
  );
  CREATE INDEX idx_tasks_parent_task_id ON tasks (parent_task_id) WHERE parent_task_id IS NOT NULL;
  CREATE UNIQUE INDEX idx_tasks_idempotency_key ON tasks (idempotency_key);
  CREATE INDEX idx_tasks_trace_id   ON tasks (trace_id);
  CREATE INDEX idx_tasks_created_at ON tasks (created_at DESC);

  CREATE TABLE sessions (
    id            uuid         NOT NULL,
    role          varchar(50)  NOT NULL,
    task_id       uuid,
    status        varchar(20)  NOT NULL,
    created_at    timestamptz  NOT NULL DEFAULT now(),
    updated_at    timestamptz  NOT NULL DEFAULT now(),
    metadata      jsonb        NOT NULL DEFAULT '{}',
    version       integer      NOT NULL DEFAULT 1,
    trace_id      uuid         NOT NULL,
    created_by    text         NOT NULL,
    attempt       integer,
    claimed_by    text,
    ended_reason  varchar(20),
    result        jsonb,
    error         text,
    lease_expires_at  timestamptz,
    not_before        timestamptz,
    deadline_at       timestamptz,
    priority          smallint NOT NULL DEFAULT 1,
    attempts_left     integer,
    retryable         boolean,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_task_id_fk FOREIGN KEY (task_id) REFERENCES tasks (id),
    CONSTRAINT sessions_status_ck
      CHECK (status IN ('pending', 'active', 'completed', 'failed', 'expired')),
    CONSTRAINT sessions_ended_reason_ck
      CHECK (ended_reason IN
        ('completed', 'worker', 'retention', 'lease_lost', 'deadline', 'cancelled', 'released', 'run_limit')),
    CONSTRAINT sessions_priority_ck CHECK (priority BETWEEN 0 AND 2),
    CONSTRAINT sessions_attempts_left_ck CHECK (attempts_left >= 0),
    CONSTRAINT sessions_attempt_counts_ck CHECK ((attempt IS NULL) = (attempts_left IS NULL)),
    CONSTRAINT sessions_ended_ck
      CHECK ((ended_reason IS NULL) = (status IN ('pending', 'active'))),
    CONSTRAINT sessions_attempt_ck
      CHECK (attempt IS NULL OR (attempt >= 1 AND task_id IS NOT NULL))
  );
  CREATE INDEX idx_sessions_task_id    ON sessions (task_id);
  CREATE INDEX idx_sessions_status     ON sessions (status);
  CREATE INDEX idx_sessions_created_at ON sessions (created_at DESC);
  CREATE UNIQUE INDEX sessions_task_attempt_uq ON sessions (task_id, attempt);
  CREATE UNIQUE INDEX sessions_one_open_attempt_uq ON sessions (task_id)
    WHERE attempt IS NOT NULL AND status IN ('pending', 'active');
  CREATE INDEX idx_sessions_lease ON sessions (lease_expires_at)
    WHERE attempt IS NOT NULL AND status = 'active';
  CREATE INDEX idx_sessions_deadline ON sessions (deadline_at)
    WHERE attempt IS NOT NULL AND status IN ('pending', 'active');
  CREATE INDEX idx_sessions_open_created_at ON sessions (created_at)
    WHERE status IN ('pending', 'active');

  CREATE TABLE approvals (
    id              uuid         NOT NULL,
    task_id         uuid         NOT NULL,
    approver_role   varchar(50)  NOT NULL,
    status          varchar(20)  NOT NULL,
    decision_at     timestamptz,
    notes           text         NOT NULL DEFAULT '',
    created_at      timestamptz  NOT NULL DEFAULT now(),
    requested_by    text,
    requested_role  varchar(50),
    decided_by      text,
    reason          text         NOT NULL DEFAULT '',
    payload         jsonb,
    digest          varchar(64),
    quorum          integer      NOT NULL DEFAULT 1,
    chain_id        uuid         NOT NULL,
    stage           integer      NOT NULL DEFAULT 1,
    stages          varchar(50)[] NOT NULL,
    expires_at      timestamptz,
    consume_until   timestamptz,
    consumed_at     timestamptz,
    consumed_by     text,
    supersedes      uuid,
    delegated_from  varchar(50),
    reassigned_from varchar(50),
    reassigned_by   text,
    reassigned_at   timestamptz,
    CONSTRAINT approvals_pkey PRIMARY KEY (id),
    CONSTRAINT approvals_task_id_fk FOREIGN KEY (task_id) REFERENCES tasks (id) ON DELETE CASCADE,
    CONSTRAINT approvals_status_ck
      CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'withdrawn')),
    CONSTRAINT approvals_decided_ck
      CHECK ((status IN ('approved', 'rejected')) = (decided_by IS NOT NULL)),
    CONSTRAINT approvals_digest_ck CHECK ((payload IS NULL) = (digest IS NULL)),
    CONSTRAINT approvals_quorum_ck CHECK (quorum BETWEEN 1 AND 20),
    CONSTRAINT approvals_stage_ck CHECK (stage BETWEEN 1 AND cardinality(stages)),
    CONSTRAINT approvals_expires_ck CHECK (status <> 'pending' OR expires_at IS NOT NULL),
    CONSTRAINT approvals_consumed_ck CHECK (
      (consumed_at IS NULL) = (consumed_by IS NULL)
      AND (consumed_at IS NULL OR (status = 'approved' AND consumed_at <= consume_until))),
    CONSTRAINT approvals_reassigned_ck CHECK (
      (reassigned_from IS NULL) = (reassigned_at IS NULL)
      AND (reassigned_by IS NULL) = (reassigned_at IS NULL)),
    CONSTRAINT approvals_supersedes_fk FOREIGN KEY (supersedes) REFERENCES approvals (id)
  );
  CREATE INDEX idx_approvals_task_id ON approvals (task_id);
  CREATE INDEX idx_approvals_status  ON approvals (status);
  CREATE UNIQUE INDEX approvals_one_pending_uq ON approvals (task_id, approver_role, stage)
    WHERE status = 'pending';
  CREATE UNIQUE INDEX approvals_supersedes_uq ON approvals (supersedes) WHERE supersedes IS NOT NULL;
  CREATE INDEX idx_approvals_expires_at ON approvals (expires_at) WHERE status = 'pending';
  CREATE INDEX idx_approvals_waiting ON approvals (approver_role, created_at DESC, id DESC)
    WHERE status = 'pending';

  CREATE TABLE subject_roles (
    subject    text         NOT NULL,
    roles      text[]       NOT NULL,
    issued_at  timestamptz  NOT NULL,
    CONSTRAINT subject_roles_pkey PRIMARY KEY (subject)
  );

  CREATE TABLE role_losses (
    subject  text         NOT NULL,
    role     varchar(50)  NOT NULL,
    lost_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT role_losses_pkey PRIMARY KEY (subject, role, lost_at)
  );

  CREATE TABLE vote_renewals (
    approval_id  uuid         NOT NULL,
    subject      text         NOT NULL,
    renewed_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    decision     varchar(20)  NOT NULL,
    notes        text         NOT NULL DEFAULT '',
    CONSTRAINT vote_renewals_pkey PRIMARY KEY (approval_id, subject, renewed_at),
    CONSTRAINT vote_renewals_approval_id_fk
      FOREIGN KEY (approval_id) REFERENCES approvals (id) ON DELETE CASCADE,
    CONSTRAINT vote_renewals_decision_ck CHECK (decision IN ('approved', 'rejected'))
  );

  CREATE TABLE seen_roles (
    role     varchar(50)  NOT NULL,
    seen_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT seen_roles_pkey PRIMARY KEY (role)
  );

  CREATE TABLE approval_votes (
    approval_id  uuid         NOT NULL,
    chain_id     uuid         NOT NULL,
    subject      text         NOT NULL,
    decision     varchar(20)  NOT NULL,
    notes        text         NOT NULL DEFAULT '',
    created_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT approval_votes_pkey PRIMARY KEY (approval_id, subject),
    CONSTRAINT approval_votes_chain_subject_uq UNIQUE (chain_id, subject),
    CONSTRAINT approval_votes_approval_id_fk
      FOREIGN KEY (approval_id) REFERENCES approvals (id) ON DELETE CASCADE,
    CONSTRAINT approval_votes_decision_ck CHECK (decision IN ('approved', 'rejected'))
  );

  CREATE SEQUENCE audit_events_n_seq;
  CREATE FUNCTION next_event_n() RETURNS bigint LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_current_xact_id();
        RETURN nextval('audit_events_n_seq');
      END $$;
  CREATE FUNCTION current_tx() RETURNS bigint LANGUAGE sql VOLATILE AS
        'SELECT pg_current_xact_id()::text::bigint';
  CREATE FUNCTION event_time() RETURNS timestamptz LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_current_xact_id();
        RETURN clock_timestamp();
      END $$;
  CREATE TABLE audit_events (
    id           uuid         NOT NULL,
    event_type   varchar(50)  NOT NULL,
    role         varchar(50)  NOT NULL,
    timestamp    timestamptz  NOT NULL DEFAULT event_time(),
    trace_id     uuid         NOT NULL,
    metadata     jsonb        NOT NULL DEFAULT '{}',
    task_id      uuid,
    session_id   uuid,
    approval_id  uuid,
    actor        text         NOT NULL,
    n            bigint       DEFAULT next_event_n(),
    tx           bigint       DEFAULT current_tx(),
    CONSTRAINT audit_events_pkey PRIMARY KEY (id)
  );
  CREATE INDEX idx_audit_events_n ON audit_events (n) WHERE n IS NOT NULL;
  CREATE INDEX idx_audit_events_tx ON audit_events (tx) WHERE tx IS NOT NULL;
  CREATE INDEX idx_audit_events_trace_id   ON audit_events (trace_id);
  CREATE INDEX idx_audit_events_timestamp  ON audit_events (timestamp DESC);
  CREATE INDEX idx_audit_events_event_type ON audit_events (event_type);
  CREATE INDEX idx_audit_events_task_id    ON audit_events (task_id);

  CREATE TABLE idempotency_records (
    scope            bytea         NOT NULL,
    fingerprint      bytea         NOT NULL,
    caller           text          NOT NULL,
    key              varchar(255)  NOT NULL,
    method           varchar(10)   NOT NULL,
    path             text          NOT NULL,
    acting_role      varchar(50),
    response_status  smallint      NOT NULL,
    response_body    text          NOT NULL,
    resource_type    varchar(20),
    resource_id      uuid,
    generation       integer       NOT NULL,
    created_at       timestamptz   NOT NULL,
    expires_at       timestamptz   NOT NULL,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (scope),
    CONSTRAINT idempotency_records_status_ck CHECK (response_status BETWEEN 200 AND 299)
  );
  CREATE INDEX idx_idempotency_records_caller_key ON idempotency_records (caller, key);
  CREATE INDEX idx_idempotency_records_expires_at ON idempotency_records (expires_at);

  CREATE TABLE deployment (
    id             smallint  NOT NULL,
    deployment_id  uuid      NOT NULL,
    CONSTRAINT deployment_pkey PRIMARY KEY (id),
    CONSTRAINT deployment_one_row_ck CHECK (id = 1)
  );

  CREATE TABLE service_heartbeat (
    id           smallint     NOT NULL,
    beat_at      timestamptz,
    grace_until  timestamptz,
    CONSTRAINT service_heartbeat_pkey PRIMARY KEY (id),
    CONSTRAINT service_heartbeat_one_row_ck CHECK (id = 1)
  );

  CREATE FUNCTION audit_events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
  CREATE TRIGGER audit_events_append_only BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
  CREATE FUNCTION audit_events_check_archived() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.event_type NOT IN ('data_erased', 'audit_archived') AND OLD.event_type NOT LIKE 'log\\_%'
           AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
           AND EXISTS (
             SELECT FROM event_log l
               JOIN audit_log g ON l.position >= g.first_position AND l.position < g.first_position + g.size
               JOIN audit_events a ON a.event_type = 'audit_archived' AND a.metadata ->> 'origin' = g.origin
                AND l.position - g.first_position
                    BETWEEN (a.metadata ->> 'from')::bigint AND (a.metadata ->> 'to')::bigint
               JOIN event_log p ON p.event_id = a.id
               JOIN audit_log s ON p.position >= s.first_position
               JOIN audit_heads h ON h.log = s.log AND h.size > p.position - s.first_position
              WHERE l.event_id = OLD.id) THEN
          RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
  CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    FOR EACH STATEMENT WHEN (current_setting('agent_mesh.archiving', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION audit_events_refuse_change();
  CREATE TRIGGER audit_events_archived_only BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_check_archived();
  CREATE FUNCTION audit_events_check_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.erased IS NULL AND NEW.erased ? 'actor' AND NEW.salt IS NULL AND NEW.actor = 'erased'
           AND (NEW.metadata = '{}' OR (OLD.metadata @> NEW.metadata
                AND NEW.metadata ?& ARRAY(SELECT k FROM jsonb_object_keys(OLD.metadata) k
                                           WHERE k NOT IN ('told', 'digest', 'discarded_votes', 'paused_by'))))
           AND to_jsonb(NEW) - ARRAY['erased', 'salt', 'actor', 'metadata']
               = to_jsonb(OLD) - ARRAY['erased', 'salt', 'actor', 'metadata']
           AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
          RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
  CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
    FOR EACH STATEMENT WHEN (current_setting('agent_mesh.erasing', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION audit_events_refuse_change();
  CREATE TRIGGER audit_events_erase_only BEFORE UPDATE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_check_erasure();

  CREATE TABLE event_log (
    position  bigint  NOT NULL,
    event_id  uuid    NOT NULL,
    CONSTRAINT event_log_pkey PRIMARY KEY (position),
    CONSTRAINT event_log_event_id_uq UNIQUE (event_id),
    CONSTRAINT event_log_position_ck CHECK (position > 0)
  );
  CREATE FUNCTION event_log_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'event_log is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
  CREATE TRIGGER event_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_log
    FOR EACH STATEMENT EXECUTE FUNCTION event_log_refuse_change();

  CREATE TABLE event_log_head (
    id             smallint     NOT NULL DEFAULT 1,
    last_position  bigint       NOT NULL DEFAULT 0,
    epoch          integer      NOT NULL DEFAULT 1,
    origin         text,
    low_n          bigint       NOT NULL DEFAULT 0,
    barrier_n      bigint       NOT NULL DEFAULT 0,
    barrier_tx     bigint       NOT NULL DEFAULT 0,
    is_backfilled  boolean      NOT NULL DEFAULT false,
    backfilled_at  timestamptz  NOT NULL DEFAULT '-infinity',
    backfilled_id  uuid         NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    CONSTRAINT event_log_head_pkey PRIMARY KEY (id),
    CONSTRAINT event_log_head_one_row_ck CHECK (id = 1)
  );

  CREATE TABLE event_log_epochs (
    epoch           integer      NOT NULL,
    after_position  bigint       NOT NULL,
    origin          text         NOT NULL,
    started_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT event_log_epochs_pkey PRIMARY KEY (epoch)
  );

  CREATE TABLE role_pauses (
    role       varchar(50)   NOT NULL,
    reason     varchar(200)  NOT NULL,
    until      timestamptz,
    paused_by  text          NOT NULL,
    paused_at  timestamptz   NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT role_pauses_pkey PRIMARY KEY (role)
  );

  CREATE TABLE webhooks (
    id                uuid         NOT NULL,
    url               text         NOT NULL,
    types             text[]       NOT NULL,
    role              varchar(50),
    task_id           uuid,
    description       text         NOT NULL DEFAULT '',
    status            varchar(20)  NOT NULL DEFAULT 'enabled',
    secret            bytea        NOT NULL,
    old_secret        bytea,
    old_secret_until  timestamptz,
    after_position    bigint       NOT NULL,
    failures          integer      NOT NULL DEFAULT 0,
    failing_since     timestamptz,
    version           integer      NOT NULL DEFAULT 1,
    created_by        text         NOT NULL,
    created_at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT webhooks_pkey PRIMARY KEY (id),
    CONSTRAINT webhooks_status_ck CHECK (status IN ('enabled', 'disabled', 'disabled_failing', 'gone')),
    CONSTRAINT webhooks_old_secret_ck CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
  );

  CREATE TABLE webhook_deliveries (
    webhook_id       uuid         NOT NULL
                     CONSTRAINT webhook_deliveries_webhook_id_fk REFERENCES webhooks (id) ON DELETE CASCADE,
    position         bigint       NOT NULL,
    event_id         uuid         NOT NULL,
    task_id          uuid,
    status           varchar(20)  NOT NULL DEFAULT 'pending',
    attempts         integer      NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    sending_until    timestamptz,
    created_at       timestamptz  NOT NULL DEFAULT clock_timestamp(),
    ended_at         timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, position),
    CONSTRAINT webhook_deliveries_status_ck CHECK (status IN ('pending', 'delivered', 'failed')),
    CONSTRAINT webhook_deliveries_ended_ck CHECK ((ended_at IS NULL) = (status = 'pending'))
  );
  CREATE INDEX idx_webhook_deliveries_fresh ON webhook_deliveries (webhook_id, position)
    WHERE status = 'pending' AND attempts = 0;
  CREATE INDEX idx_webhook_deliveries_retries ON webhook_deliveries (webhook_id, next_attempt_at, position)
    WHERE status = 'pending' AND attempts > 0;
  CREATE INDEX idx_webhook_deliveries_sending ON webhook_deliveries (webhook_id)
    WHERE status = 'pending' AND sending_until IS NOT NULL;
  CREATE INDEX idx_webhook_deliveries_task ON webhook_deliveries (webhook_id, task_id, position)
    WHERE status = 'pending' AND task_id IS NOT NULL;
  CREATE INDEX idx_webhook_deliveries_ended_at ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

  CREATE TABLE webhook_attempts (
    webhook_id   uuid         NOT NULL,
    position     bigint       NOT NULL,
    started_at   timestamptz  NOT NULL,
    duration_ms  integer      NOT NULL,
    status       smallint,
    error        varchar(30),
    response     text         NOT NULL DEFAULT '',
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (webhook_id, position, started_at),
    CONSTRAINT webhook_attempts_delivery_fk FOREIGN KEY (webhook_id, position)
      REFERENCES webhook_deliveries (webhook_id, position) ON DELETE CASCADE
  );

  CREATE TABLE push_configs (
    task_id     uuid          NOT NULL CONSTRAINT push_configs_task_id_fk REFERENCES tasks (id),
    owner       text          NOT NULL,
    id          varchar(128)  NOT NULL,
    to_role     varchar(50)   NOT NULL,
    roles       text[]        NOT NULL,
    url         text          NOT NULL,
    secret      bytea         NOT NULL,
    position    bigint        NOT NULL,
    is_changed  boolean       NOT NULL DEFAULT false,
    due_at      timestamptz   DEFAULT clock_timestamp(),
    attempts    integer       NOT NULL DEFAULT 0,
    version     integer       NOT NULL DEFAULT 1,
    created_at  timestamptz   NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    CONSTRAINT push_configs_pkey PRIMARY KEY (task_id, owner, id),
    CONSTRAINT push_configs_ended_ck CHECK (ended_at IS NULL OR due_at IS NULL)
  );
  CREATE INDEX idx_push_configs_open ON push_configs (task_id) WHERE ended_at IS NULL;
  CREATE INDEX idx_push_configs_due_at ON push_configs (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX idx_push_configs_ended_at ON push_configs (ended_at) WHERE ended_at IS NOT NULL;

  CREATE VIEW task_states AS
    SELECT t.id AS task_id, t.from_role, t.to_role, t.created_by, t.trace_id, t.parent_task_id,
           a.id AS session_id, a.attempt, a.claimed_by, a.created_at AS attempt_created_at,
           CASE
             WHEN a.ended_reason = 'cancelled' THEN 'cancelled'
             WHEN a.status = 'failed' AND a.retryable THEN 'dead'
             ELSE a.status
           END::varchar(20) AS status
      FROM tasks t
      JOIN LATERAL (
        SELECT s.* FROM sessions s
         WHERE s.task_id = t.id AND s.attempt IS NOT NULL
         ORDER BY s.attempt DESC LIMIT 1
      ) a ON true;

  -- After the view, which has the columns of its day.
  ALTER TABLE sessions
    ADD COLUMN task_type varchar(50),
    ADD CONSTRAINT sessions_task_type_ck
      CHECK (attempt IS NULL OR status NOT IN ('pending', 'active') OR task_type IS NOT NULL);
  ALTER TABLE tasks
    ADD COLUMN max_run_seconds integer,
    ADD CONSTRAINT tasks_max_run_seconds_ck CHECK (max_run_seconds BETWEEN 30 AND 604800);
  ALTER TABLE sessions
    ADD COLUMN lease_seconds integer,
    ADD COLUMN max_run_seconds integer,
    ADD COLUMN run_until timestamptz,
    ADD COLUMN queued_at timestamptz,
    ADD COLUMN parked_for uuid,
    ADD CONSTRAINT sessions_parked_for_fk FOREIGN KEY (parked_for) REFERENCES approvals (id);
  CREATE INDEX idx_sessions_inbox
    ON sessions (role, (-priority), (coalesce(queued_at, created_at)), id)
    WHERE attempt IS NOT NULL AND status = 'pending';
  CREATE INDEX idx_sessions_inbox_of_type
    ON sessions (role, task_type, (-priority), (coalesce(queued_at, created_at)), id)
    WHERE attempt IS NOT NULL AND status = 'pending';
  CREATE INDEX idx_sessions_run_until ON sessions (run_until)
    WHERE run_until IS NOT NULL AND status = 'active';
  CREATE FUNCTION sessions_set_task_type() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          SELECT t.task_type, t.max_run_seconds, t.from_role, t.created_at
            INTO NEW.task_type, NEW.max_run_seconds, NEW.from_role, NEW.task_created_at
            FROM tasks t WHERE t.id = NEW.task_id;
          IF NEW.not_before > clock_timestamp() THEN
            NEW.queued_at := NEW.not_before;
          END IF;
          NEW.task_status := NEW.status;
          IF NEW.attempt > 1 THEN
            UPDATE sessions SET task_status = NULL
             WHERE task_id = NEW.task_id AND attempt < NEW.attempt AND task_status IS NOT NULL;
            -- Waits for a transaction that adds an approver; the next statement sees it.
            PERFORM 1 FROM tasks t WHERE t.id = NEW.task_id FOR NO KEY UPDATE;
            INSERT INTO approver_sessions (role, created_at, session_id, session_role, status)
            SELECT p.role, NEW.created_at, NEW.id, NEW.role, NEW.status
              FROM task_approvers p WHERE p.task_id = NEW.task_id;
          END IF;
          RETURN NEW;
        END
      $$;
  CREATE TRIGGER sessions_set_task_type BEFORE INSERT ON sessions
    FOR EACH ROW WHEN (NEW.attempt IS NOT NULL) EXECUTE FUNCTION sessions_set_task_type();
  ALTER TABLE approvals
    ADD COLUMN expires_in_seconds integer,
    ADD COLUMN requested_kind varchar(10) NOT NULL DEFAULT 'any',
    ADD COLUMN approver_kind varchar(10) NOT NULL DEFAULT 'any',
    ADD COLUMN decided_by_kind varchar(10),
    ADD COLUMN repeat boolean NOT NULL DEFAULT false,
    ADD COLUMN consumed_attempt integer,
    ADD COLUMN consumed_session_id uuid,
    ADD CONSTRAINT approvals_requested_kind_ck CHECK (requested_kind IN ('any', 'human')),
    ADD CONSTRAINT approvals_approver_kind_ck CHECK (approver_kind IN ('any', 'human')),
    ADD CONSTRAINT approvals_decided_by_kind_ck CHECK (decided_by_kind IN ('human', 'agent')),
    ADD CONSTRAINT approvals_consumed_by_attempt_ck
      CHECK (consumed_at IS NOT NULL OR (consumed_attempt IS NULL AND consumed_session_id IS NULL)),
    ADD CONSTRAINT approvals_consumed_session_id_fk
      FOREIGN KEY (consumed_session_id) REFERENCES sessions (id);
  ALTER TABLE approval_votes
    ADD COLUMN kind varchar(10),
    ADD CONSTRAINT approval_votes_kind_ck CHECK (kind IN ('human', 'agent'));
  CREATE FUNCTION last_approval_time(task uuid) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE COST 1
    BEGIN ATOMIC
      SELECT max(coalesce(a.decision_at, a.expires_at)) FROM approvals a WHERE a.task_id = task;
    END;
  CREATE FUNCTION raise_conflict(cause text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'concurrent update, retried by the controller'
            USING ERRCODE = 'MC001', DETAIL = cause;
        END $$;

  CREATE VIEW task_participants AS
    SELECT id AS task_id, from_role AS role FROM tasks
    UNION SELECT id, to_role FROM tasks
    UNION SELECT task_id, approver_role FROM approvals
    UNION SELECT task_id, delegated_from FROM approvals WHERE delegated_from IS NOT NULL
    UNION SELECT task_id, reassigned_from FROM approvals WHERE reassigned_from IS NOT NULL;

  ALTER TABLE sessions
    ADD COLUMN from_role        varchar(50),
    ADD COLUMN task_created_at  timestamptz,
    ADD COLUMN task_status      varchar(20);
  ALTER TABLE audit_events
    ADD COLUMN from_role  varchar(50),
    ADD COLUMN to_role    varchar(50);
  ALTER TABLE audit_events
    ADD COLUMN salt    uuid DEFAULT gen_random_uuid(),
    ADD COLUMN erased  jsonb,
    ADD CONSTRAINT audit_events_erased_ck
      CHECK ((erased IS NULL) = (salt IS NOT NULL) AND (erased IS NULL OR actor = 'erased'));

  CREATE TABLE audit_log (
    log             integer      NOT NULL,
    origin          text         NOT NULL,
    first_position  bigint       NOT NULL,
    size            bigint       NOT NULL DEFAULT 0,
    root            bytea        NOT NULL,
    pruned          bigint       NOT NULL DEFAULT 0,
    sealed_at       timestamptz,
    archived_until  timestamptz,
    CONSTRAINT audit_log_pkey PRIMARY KEY (log),
    CONSTRAINT audit_log_origin_uq UNIQUE (origin),
    CONSTRAINT audit_log_size_ck CHECK (first_position > 0 AND size >= 0 AND pruned BETWEEN 0 AND size),
    CONSTRAINT audit_log_root_ck CHECK (octet_length(root) = 32)
  );

  CREATE TABLE audit_tiles (
    log     integer   NOT NULL CONSTRAINT audit_tiles_log_fk REFERENCES audit_log (log),
    level   smallint  NOT NULL,
    index   bigint    NOT NULL,
    hashes  bytea     NOT NULL,
    CONSTRAINT audit_tiles_pkey PRIMARY KEY (log, level, index),
    CONSTRAINT audit_tiles_hashes_ck
      CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0)
  );

  CREATE TABLE audit_heads (
    log         integer      NOT NULL CONSTRAINT audit_heads_log_fk REFERENCES audit_log (log),
    size        bigint       NOT NULL,
    root        bytea        NOT NULL,
    checkpoint  text         NOT NULL,
    signed_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    sent        jsonb        NOT NULL DEFAULT '{}',
    cosignatures jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT audit_heads_pkey PRIMARY KEY (log, size),
    CONSTRAINT audit_heads_root_ck CHECK (octet_length(root) = 32)
  );
  CREATE INDEX idx_audit_heads_signed_at ON audit_heads (signed_at);
  CREATE INDEX idx_audit_heads_cosigned  ON audit_heads (log, size) WHERE cosignatures <> '{}';

  CREATE TABLE task_approvers (
    task_id          uuid         NOT NULL,
    role             varchar(50)  NOT NULL,
    task_created_at  timestamptz  NOT NULL,
    task_status      varchar(20)  NOT NULL,
    task_type        varchar(50)  NOT NULL,
    from_role        varchar(50)  NOT NULL,
    to_role          varchar(50)  NOT NULL,
    CONSTRAINT task_approvers_pkey PRIMARY KEY (task_id, role)
  );
  CREATE INDEX idx_task_approvers_status ON task_approvers (role, task_status, task_created_at, task_id);
  CREATE INDEX idx_task_approvers_type ON task_approvers (role, task_type, task_created_at, task_id);
  CREATE INDEX idx_task_approvers_from_role ON task_approvers (role, from_role, task_created_at, task_id);
  CREATE INDEX idx_task_approvers_to_role ON task_approvers (role, to_role, task_created_at, task_id);

  CREATE TABLE approver_sessions (
    role          varchar(50)  NOT NULL,
    created_at    timestamptz  NOT NULL,
    session_id    uuid         NOT NULL,
    session_role  varchar(50)  NOT NULL,
    status        varchar(20)  NOT NULL,
    CONSTRAINT approver_sessions_pkey PRIMARY KEY (role, created_at, session_id)
  );
  CREATE INDEX idx_approver_sessions_status
    ON approver_sessions (role, status, created_at, session_id);
  CREATE INDEX idx_approver_sessions_role
    ON approver_sessions (role, session_role, created_at, session_id);

  CREATE TABLE approval_readers (
    role           varchar(50)  NOT NULL,
    created_at     timestamptz  NOT NULL,
    approval_id    uuid         NOT NULL,
    status         varchar(20)  NOT NULL,
    approver_role  varchar(50)  NOT NULL,
    CONSTRAINT approval_readers_pkey PRIMARY KEY (role, created_at, approval_id)
  );
  CREATE INDEX idx_approval_readers_status
    ON approval_readers (role, status, created_at, approval_id);
  CREATE INDEX idx_approval_readers_approver
    ON approval_readers (role, approver_role, created_at, approval_id);

  CREATE TABLE audit_event_readers (
    role        varchar(50)  NOT NULL,
    event_type  varchar(50)  NOT NULL,
    timestamp   timestamptz  NOT NULL,
    event_id    uuid         NOT NULL,
    CONSTRAINT audit_event_readers_pkey PRIMARY KEY (role, event_type, timestamp, event_id)
  );


  CREATE FUNCTION sessions_set_task_status() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.task_status := CASE WHEN NEW.ended_reason = 'cancelled' THEN 'cancelled'
                                  WHEN NEW.status = 'failed' AND NEW.retryable THEN 'dead'
                                  ELSE NEW.status END;
          RETURN NEW;
        END
      $$;
  CREATE TRIGGER sessions_set_task_status BEFORE UPDATE OF status, ended_reason, retryable ON sessions
    FOR EACH ROW WHEN (NEW.task_status IS NOT NULL) EXECUTE FUNCTION sessions_set_task_status();

  CREATE FUNCTION sessions_set_queued_at() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.not_before > clock_timestamp() THEN
            NEW.queued_at := NEW.not_before;
          ELSIF NEW.queued_at > clock_timestamp() THEN
            NEW.queued_at := NULL;
          END IF;
          RETURN NEW;
        END
      $$;
  CREATE TRIGGER sessions_set_queued_at BEFORE UPDATE OF not_before ON sessions
    FOR EACH ROW WHEN (NEW.attempt IS NOT NULL) EXECUTE FUNCTION sessions_set_queued_at();

  CREATE FUNCTION approvals_add_readers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO task_approvers
            (task_id, role, task_created_at, task_status, task_type, from_role, to_role)
          SELECT t.id, p.role, t.created_at, a.task_status, t.task_type, t.from_role, t.to_role
            FROM tasks t JOIN sessions a ON a.task_id = t.id AND a.task_status IS NOT NULL
           CROSS JOIN unnest(ARRAY[NEW.approver_role, NEW.delegated_from, NEW.reassigned_from]) AS p(role)
           WHERE t.id = NEW.task_id AND p.role IS NOT NULL AND p.role NOT IN (t.from_role, t.to_role)
              ON CONFLICT DO NOTHING;
          IF FOUND THEN
            INSERT INTO approver_sessions (role, created_at, session_id, session_role, status)
            SELECT p.role, s.created_at, s.id, s.role, s.status
              FROM task_approvers p JOIN sessions s ON s.task_id = p.task_id
             WHERE p.task_id = NEW.task_id AND s.attempt IS NOT NULL
               AND p.role IN (NEW.approver_role, NEW.delegated_from, NEW.reassigned_from)
                ON CONFLICT DO NOTHING;
            INSERT INTO approval_readers (role, created_at, approval_id, status, approver_role)
            SELECT p.role, a.created_at, a.id, a.status, a.approver_role
              FROM task_approvers p JOIN approvals a ON a.task_id = p.task_id
             WHERE p.task_id = NEW.task_id
               AND p.role IN (NEW.approver_role, NEW.delegated_from, NEW.reassigned_from)
                ON CONFLICT DO NOTHING;
          END IF;
          INSERT INTO approval_readers (role, created_at, approval_id, status, approver_role)
          SELECT p.role, NEW.created_at, NEW.id, NEW.status, NEW.approver_role
            FROM (SELECT from_role AS role FROM tasks WHERE id = NEW.task_id
                  UNION SELECT to_role FROM tasks WHERE id = NEW.task_id
                  UNION SELECT role FROM task_approvers WHERE task_id = NEW.task_id) p
              ON CONFLICT (role, created_at, approval_id) DO UPDATE
             SET status = EXCLUDED.status, approver_role = EXCLUDED.approver_role
           WHERE (approval_readers.status, approval_readers.approver_role)
                 <> (EXCLUDED.status, EXCLUDED.approver_role);
          RETURN NULL;
        END
      $$;
  CREATE TRIGGER approvals_add_readers
    AFTER INSERT OR UPDATE OF approver_role, delegated_from, reassigned_from, status ON approvals
    FOR EACH ROW EXECUTE FUNCTION approvals_add_readers();

  CREATE FUNCTION audit_events_set_readers() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          has_approvers boolean;
        BEGIN
          SELECT t.from_role, t.to_role, EXISTS (SELECT FROM task_approvers p WHERE p.task_id = t.id)
            INTO NEW.from_role, NEW.to_role, has_approvers
            FROM tasks t WHERE t.id = NEW.task_id;
          IF has_approvers THEN
            INSERT INTO audit_event_readers (role, event_type, timestamp, event_id)
            SELECT p.role, NEW.event_type, NEW.timestamp, NEW.id
              FROM task_approvers p WHERE p.task_id = NEW.task_id
                ON CONFLICT DO NOTHING;
            -- For its approvers, an event of an approval adds the earlier events of the task: those from before the
            -- approval, and those of transactions that were concurrent with it.
            INSERT INTO audit_event_readers (role, event_type, timestamp, event_id)
            SELECT p.role, e.event_type, e.timestamp, e.id
              FROM approvals a JOIN task_approvers p
                ON p.task_id = a.task_id AND p.role IN (a.approver_role, a.delegated_from, a.reassigned_from)
              JOIN audit_events e ON e.task_id = a.task_id
             WHERE a.id = NEW.approval_id
                ON CONFLICT DO NOTHING;
            -- Each change of a status records an event after it.
            UPDATE task_approvers p SET task_status = a.task_status
              FROM sessions a
             WHERE p.task_id = NEW.task_id AND a.task_id = NEW.task_id AND a.task_status <> p.task_status;
            UPDATE approver_sessions r SET status = s.status
              FROM task_approvers p JOIN sessions s ON s.task_id = p.task_id
             WHERE p.task_id = NEW.task_id
               AND (r.role, r.created_at, r.session_id) = (p.role, s.created_at, s.id) AND r.status <> s.status;
          END IF;
          RETURN NEW;
        END
      $$;
  CREATE TRIGGER audit_events_set_readers BEFORE INSERT ON audit_events
    FOR EACH ROW WHEN (NEW.task_id IS NOT NULL) EXECUTE FUNCTION audit_events_set_readers();

  CREATE INDEX idx_sessions_role_tasks ON sessions (role, task_status, task_created_at, task_id) WHERE task_status IS NOT NULL;
  CREATE INDEX idx_sessions_from_role_tasks ON sessions (from_role, task_status, task_created_at, task_id) WHERE task_status IS NOT NULL;
  CREATE INDEX idx_sessions_role ON sessions (role, status, created_at, id) WHERE version > 0;
  CREATE INDEX idx_sessions_from_role ON sessions (from_role, status, created_at, id) WHERE from_role IS NOT NULL;
  CREATE INDEX idx_sessions_roles ON sessions (from_role, role, created_at, id) WHERE from_role IS NOT NULL;
  CREATE INDEX idx_sessions_changes ON sessions (role, from_role, updated_at, task_id) WHERE task_status IS NOT NULL;
  CREATE INDEX idx_sessions_claimed_by ON sessions (claimed_by, status, created_at, id) WHERE claimed_by IS NOT NULL;
  CREATE INDEX idx_sessions_claimed_by_tasks ON sessions (claimed_by, task_status, task_created_at, task_id)
    WHERE claimed_by IS NOT NULL AND task_status IS NOT NULL;
  CREATE INDEX idx_tasks_to_role_type ON tasks (to_role, task_type, created_at, id);
  CREATE INDEX idx_tasks_from_role_type ON tasks (from_role, task_type, created_at, id);
  CREATE INDEX idx_tasks_roles ON tasks (from_role, to_role, created_at, id);
  CREATE INDEX idx_approvals_created_at ON approvals (created_at, id);
  CREATE INDEX idx_approvals_status_created_at ON approvals (status, created_at, id);
  CREATE INDEX idx_approvals_approver_role ON approvals (approver_role, created_at, id);
  CREATE INDEX idx_approvals_requested_by ON approvals (requested_by, created_at, id);
  CREATE INDEX idx_audit_events_from_role ON audit_events (from_role, event_type, timestamp, id) WHERE from_role IS NOT NULL;
  CREATE INDEX idx_audit_events_to_role ON audit_events (to_role, event_type, timestamp, id) WHERE to_role IS NOT NULL;
  CREATE INDEX idx_audit_events_type_timestamp ON audit_events (event_type, timestamp, id);
  CREATE INDEX idx_audit_events_role ON audit_events (role, timestamp, id);
  ALTER TABLE tasks ADD COLUMN traceparent varchar(55);
  CREATE INDEX idx_audit_events_reported ON audit_events (actor, timestamp, id) WHERE event_type LIKE 'agent.%';
`;
