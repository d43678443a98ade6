import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The four tables that the service is made of. */
export class CreateFourTables1764000000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE sessions (
        id          uuid        CONSTRAINT sessions_pkey PRIMARY KEY,
        role        varchar(50) NOT NULL,
        task_id     uuid,
        status      varchar(20) NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        updated_at  timestamptz NOT NULL DEFAULT now(),
        metadata    jsonb       NOT NULL DEFAULT '{}'
      );
      CREATE INDEX idx_sessions_task_id    ON sessions (task_id);
      CREATE INDEX idx_sessions_status     ON sessions (status);
      CREATE INDEX idx_sessions_created_at ON sessions (created_at DESC);

      CREATE TABLE tasks (
        id               uuid        CONSTRAINT tasks_pkey PRIMARY KEY,
        task_type        varchar(50) NOT NULL,
        description      text        NOT NULL,
        from_role        varchar(50) NOT NULL,
        to_role          varchar(50) NOT NULL,
        data             jsonb       NOT NULL DEFAULT '{}',
        trace_id         uuid        NOT NULL,
        idempotency_key  uuid        NOT NULL,
        created_at       timestamptz NOT NULL DEFAULT now()
      );
      CREATE UNIQUE INDEX idx_tasks_idempotency_key ON tasks (idempotency_key);
      CREATE INDEX idx_tasks_trace_id   ON tasks (trace_id);
      CREATE INDEX idx_tasks_created_at ON tasks (created_at DESC);

      CREATE TABLE approvals (
        id             uuid        CONSTRAINT approvals_pkey PRIMARY KEY,
        task_id        uuid        NOT NULL
                       CONSTRAINT approvals_task_id_fk REFERENCES tasks (id) ON DELETE CASCADE,
        approver_role  varchar(50) NOT NULL,
        status         varchar(20) NOT NULL,
        decision_at    timestamptz,
        notes          text        NOT NULL DEFAULT '',
        created_at     timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX idx_approvals_task_id ON approvals (task_id);
      CREATE INDEX idx_approvals_status  ON approvals (status);

      CREATE TABLE audit_events (
        id          uuid        CONSTRAINT audit_events_pkey PRIMARY KEY,
        event_type  varchar(50) NOT NULL,
        role        varchar(50) NOT NULL,
        timestamp   timestamptz NOT NULL DEFAULT now(),
        trace_id    uuid        NOT NULL,
        metadata    jsonb       NOT NULL DEFAULT '{}'
      );
      CREATE INDEX idx_audit_events_trace_id   ON audit_events (trace_id);
      CREATE INDEX idx_audit_events_timestamp  ON audit_events (timestamp DESC);
      CREATE INDEX idx_audit_events_event_type ON audit_events (event_type);
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE audit_events, approvals, tasks, sessions`);
  }
}
