/** Ends all database connections of controllers. */
export const TERMINATE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE application_name LIKE 'agent-mesh-controller%'`;
