import type { Health } from '@agent-mesh/client';
import type { UseQueryResult } from '@tanstack/react-query';
import { Facts } from '../../components/facts';
import { QueryResult } from '../../components/query-result';
import { Status } from '../../components/status';
import { texts } from '../../texts';

const t = texts.admin;

/** The state of the controller and of what it depends on. */
export function HealthFacts({ query }: { query: UseQueryResult<Health> }) {
  return (
    <QueryResult query={query}>
      {(data) => (
        <Facts
          items={[
            [t.controller, <Status key="status" of={data.status} />],
            [
              t.database,
              <StatusWithReason key="database" of={data.database} reason={data.database_reason} />,
            ],
            ...(data.read_replica === undefined
              ? []
              : [[t.readReplica, <Status key="replica" of={data.read_replica} />] as const]),
            [t.redis, <StatusWithReason key="redis" of={data.redis} reason={data.redis_reason} />],
            [t.auditLog, <Status key="log" of={data.audit_log} />],
            ...(data.signing_keys === undefined
              ? []
              : [[t.signingKeys, <Status key="keys" of={data.signing_keys} />] as const]),
            [t.version, data.version],
          ]}
        />
      )}
    </QueryResult>
  );
}

function StatusWithReason({ of, reason }: { of: string; reason: string | undefined }) {
  return (
    <>
      <Status of={of} />
      {reason !== undefined && ` (${reason})`}
    </>
  );
}
