import { Button, Menu, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { type MouseEvent, useEffect, useRef } from 'react';
import { usePollInterval } from '../api/live-context';
import { waitingCountQuery } from '../api/queries';
import { useSignIn } from '../auth/sign-in-context';
import { useHasRole, useMe } from '../auth/use-session';
import { texts } from '../texts';
import { Brand } from './brand';
import { LiveStatus } from './live-status';
import { Subject } from './subject';
import classes from './app-layout.module.css';

const PAGES = [
  { to: '/approvals', text: texts.pages.approvals },
  { to: '/tasks', text: texts.pages.tasks },
  { to: '/audit', text: texts.pages.audit },
  { to: '/overview', text: texts.pages.overview },
  { to: '/admin', text: texts.pages.admin, isForStaff: true },
] as const;

/** The frame of all pages: navigation, the state of the event stream, and the person. */
export function AppLayout() {
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const isStaff = useHasRole('admin', 'auditor');
  const isFirst = useRef(true);
  // A screen reader continues with the new page, as after a page load.
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);
  const skip = (event: MouseEvent): void => {
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <div className={classes.frame}>
      <a className="skip-link" href="#main" onClick={skip}>
        {texts.skip}
      </a>
      <header className={classes.header}>
        <Link to="/approvals" className={classes.home}>
          <Brand />
        </Link>
        <nav className={classes.nav} aria-label={texts.navigation}>
          {PAGES.filter((page) => isStaff || !('isForStaff' in page)).map(({ to, text }) => (
            <Link
              key={to}
              to={to}
              className={classes.link}
              activeProps={{ 'aria-current': 'page' }}
            >
              {text}
              {to === '/approvals' && <WaitingCount />}
            </Link>
          ))}
        </nav>
        <div className={classes.tools}>
          <LiveStatus />
          <PersonMenu />
        </div>
      </header>
      <main ref={main} id="main" tabIndex={-1} className={classes.main}>
        <Outlet />
      </main>
    </div>
  );
}

function WaitingCount() {
  const { data } = useQuery({ ...waitingCountQuery, refetchInterval: usePollInterval() });
  const count = data?.approvals ?? 0;
  useEffect(() => {
    document.title = count > 0 ? `(${String(count)}) ${texts.title}` : texts.title;
  }, [count]);
  if (count === 0) return null;
  return (
    <span className={classes.count}>
      {count > 99 ? '99+' : count}
      <span className="visually-hidden"> {texts.approvals.waiting}</span>
    </span>
  );
}

function PersonMenu() {
  const signIn = useSignIn();
  const me = useMe();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const roles = me.roles.join(', ');
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Menu position="bottom-end" width={280}>
      <Menu.Target>
        <Button
          variant="default"
          size="xs"
          className={classes.person}
          aria-label={texts.person.menu(roles)}
        >
          <span className={classes.role}>{roles === '' ? texts.person.noRole : roles}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {texts.person.signedInAs} <Subject of={me.subject} />
        </Menu.Label>
        <Menu.Item
          onClick={() => {
            setColorScheme(other);
          }}
        >
          {texts.person.scheme[other]}
        </Menu.Item>
        <Menu.Item onClick={() => void signIn.leave()}>{texts.person.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
