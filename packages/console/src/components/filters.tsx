import type { ReactNode } from 'react';
import classes from './filters.module.css';

/** The filters of a list, in columns of one width. */
export function Filters({ children }: { children: ReactNode }) {
  return <div className={classes.filters}>{children}</div>;
}
