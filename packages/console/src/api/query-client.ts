import { QueryClient } from '@tanstack/react-query';

/** The client of the API retries requests, so queries do not. They run also while the browser reports that it is offline. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 2_000, networkMode: 'always', retry: false },
    mutations: { networkMode: 'always', retry: false },
  },
});
