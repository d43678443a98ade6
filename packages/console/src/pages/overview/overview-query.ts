import { queryOptions } from '@tanstack/react-query';
import { mesh } from '../../api/mesh';
import { KEYS } from '../../api/queries';

/** The numbers of the tasks, approvals and events that the person may see. */
export const overviewQuery = queryOptions({
  queryKey: [KEYS.overview],
  staleTime: 10_000,
  queryFn: ({ signal }) => mesh.overview({ signal }),
});
