import { QueryClient } from '@tanstack/react-query';
import { ProblemError } from './problem';

const RETRIES = 2;

/** Reads are repeated after a transient problem only, also while the browser reports that it is offline. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      networkMode: 'always',
      retry: (count, error) =>
        count < RETRIES && error instanceof ProblemError && error.isTransient,
      retryDelay: (count) => 500 * 2 ** count,
    },
    mutations: { networkMode: 'always', retry: false },
  },
});
