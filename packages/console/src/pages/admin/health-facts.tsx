import type { UseQueryResult } from '@tanstack/react-query';
import { ErrorPanel } from '../../components/error-panel';
import { Facts } from '../../components/facts';
import { LoadingRows } from '../../components/loading';
import { Status } from '../../components/status';
import { texts } from '../../texts';
import type { Health } from './admin-queries';

const t = texts.admin;

/** The state of the controller and of what it depends on. */
export function HealthFacts({ query }: { query: UseQueryResult<Health> }) {
  const { data, error } = query;
  if (data === undefined)
    return error ? (
      <ErrorPanel error={error} onRetry={() => void query.refetch()} />
    ) : (
      <LoadingRows />
    );
  return (
    <Facts
      items={[
        [t.controller, <Status key="status" of={data.status} />],
        [
          t.database,
          <StatusWithReason key="database" of={data.database} reason={data.database_reason} />,
        ],
        [t.redis, <StatusWithReason key="redis" of={data.redis} reason={data.redis_reason} />],
        ...(data.signing_keys === undefined
          ? []
          : [[t.signingKeys, <Status key="keys" of={data.signing_keys} />] as const]),
        [t.version, data.version],
      ]}
    />
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
