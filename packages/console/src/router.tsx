import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { CONSOLE_PATH } from './api/addresses';
import { AppLayout } from './components/app-layout';
import { NotFoundPage } from './components/not-found-page';
import { textsOf } from './components/search';

const root = createRootRoute({ component: AppLayout, notFoundComponent: NotFoundPage });
const getParentRoute = () => root;

const home = createRoute({
  getParentRoute,
  path: '/',
  beforeLoad: () => {
    // TanStack Router expects a redirect to be thrown.
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    throw redirect({ to: '/approvals' });
  },
});

const approvals = createRoute({
  getParentRoute,
  path: '/approvals',
  validateSearch: textsOf('view', 'status', 'approver_role'),
  component: lazyRouteComponent(() => import('./pages/approvals/approvals-page'), 'ApprovalsPage'),
});

const approval = createRoute({
  getParentRoute,
  path: '/approvals/$id',
  component: lazyRouteComponent(() => import('./pages/approvals/approval-page'), 'ApprovalPage'),
});

const tasks = createRoute({
  getParentRoute,
  path: '/tasks',
  validateSearch: textsOf('to_role', 'from_role', 'status', 'task_type', 'trace_id'),
  component: lazyRouteComponent(() => import('./pages/tasks/tasks-page'), 'TasksPage'),
});

const task = createRoute({
  getParentRoute,
  path: '/tasks/$id',
  component: lazyRouteComponent(() => import('./pages/tasks/task-page'), 'TaskPage'),
});

const audit = createRoute({
  getParentRoute,
  path: '/audit',
  validateSearch: textsOf('event_type', 'role', 'task_id', 'trace_id', 'period', 'follow'),
  component: lazyRouteComponent(() => import('./pages/audit/audit-page'), 'AuditPage'),
});

const overview = createRoute({
  getParentRoute,
  path: '/overview',
  component: lazyRouteComponent(() => import('./pages/overview/overview-page'), 'OverviewPage'),
});

const admin = createRoute({
  getParentRoute,
  path: '/admin',
  validateSearch: textsOf('webhook'),
  component: lazyRouteComponent(() => import('./pages/admin/admin-page'), 'AdminPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([home, approvals, approval, tasks, task, audit, overview, admin]),
  basepath: CONSOLE_PATH,
  defaultPreload: 'intent',
  scrollRestoration: true,
});

/** Loads the code of all pages, so that they open without a connection, and after an upgrade of the controller. */
export function loadPages(): void {
  for (const route of Object.values(router.routesById))
    router.loadRouteChunk(route)?.catch(() => undefined);
}

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
