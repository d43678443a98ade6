import { Link } from '@tanstack/react-router';
import classes from './back-link.module.css';

/** The link from a page of one item to its list. */
export function BackLink({
  to,
  children,
}: {
  to: '/approvals' | '/tasks' | '/admin';
  children: string;
}) {
  return (
    <Link to={to} className={classes.back} activeOptions={{ exact: true }}>
      ← {children}
    </Link>
  );
}
