type Route = `${'GET' | 'POST' | 'PUT'} /${string}`;

/** The operations that the tools use, with their routes. `{id}` is the id as the caller sent it. */
export const OPERATIONS = {
  who_am_i: 'GET /me',
  route_task: 'POST /tasks/route',
  list_tasks: 'GET /tasks',
  get_task: 'GET /tasks/{id}',
  read_timeline: 'GET /tasks/{id}/timeline',
  wait_for_task: 'GET /tasks/wait',
  claim_next_task: 'POST /tasks/claim',
  claim_task: 'POST /tasks/{id}/claim',
  cancel_task: 'POST /tasks/{id}/cancel',
  get_session: 'GET /sessions/{id}',
  update_session: 'PUT /sessions/{id}',
  extend_lease: 'POST /sessions/{id}/heartbeat',
  release_session: 'POST /sessions/{id}/release',
  ask_for_approval: 'POST /approvals',
  list_approvals: 'GET /approvals',
  get_approval: 'GET /approvals/{id}',
  decide_approval: 'POST /approvals/{id}/decision',
  consume_approval: 'POST /approvals/{id}/consume',
} as const satisfies Record<string, Route>;

export type OperationName = keyof typeof OPERATIONS;

/** Returns the method and the path of an operation, with the id inserted. */
export function requestLineOf(operation: OperationName, id = ''): { method: string; path: string } {
  const route: Route = OPERATIONS[operation];
  const [method = '', path = ''] = route.split(' ');
  return { method, path: path.replace('{id}', encodeURIComponent(id)) };
}
