import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorPanel } from './error-panel';
import { LoadingRows } from './loading';

interface QueryResultProps<Data> {
  readonly query: Pick<UseQueryResult<Data>, 'data' | 'error' | 'refetch'>;
  /** Shows the data. */
  readonly children: (data: Data) => ReactNode;
}

/** The data of a query; without data its error, or a placeholder. */
export function QueryResult<Data>({ query, children }: QueryResultProps<Data>) {
  const { data, error } = query;
  if (data !== undefined) return children(data);
  if (error) return <ErrorPanel error={error} onRetry={() => void query.refetch()} />;
  return <LoadingRows />;
}
