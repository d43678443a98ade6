import type { CSSProperties, MouseEvent, ReactNode } from 'react';
import classes from './data-table.module.css';

export interface Column<Row> {
  readonly header: string;
  /** A width of CSS grid, such as `8rem` or `minmax(0, 2fr)`. */
  readonly width: string;
  readonly cell: (row: Row) => ReactNode;
}

interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}

/**
 * A table whose rows become cards on a narrow screen. A click anywhere in a row follows
 * its link of the class {@link rowLink}. The roles are explicit, because `display` removes those of table elements.
 */
export function DataTable<Row>({ label, columns, rows, keyOf }: DataTableProps<Row>) {
  const style: CSSProperties & Record<'--columns', string> = {
    '--columns': columns.map(({ width }) => width).join(' '),
  };
  return (
    <div role="table" aria-label={label} className={classes.table} style={style}>
      <div role="rowgroup" className={classes.head}>
        <div role="row" className={classes.row}>
          {columns.map(({ header }) => (
            <div role="columnheader" key={header} className={classes.header}>
              {header}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup">
        {rows.map((row) => (
          <div
            role="row"
            key={keyOf(row)}
            className={`${classes.row ?? ''} ${classes.body ?? ''}`}
            onClick={openRow}
          >
            {columns.map(({ header, cell }) => (
              <div role="cell" key={header} className={classes.cell} data-label={header}>
                {cell(row)}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

/** The class of the link to the page of a row. */
export const rowLink = classes.link ?? '';

/** Follows the link of a row, unless the click is on something of its own or ends the selection of text. */
function openRow({ currentTarget, target }: MouseEvent<HTMLElement>): void {
  const isOwn = target instanceof Element && target.closest('a, button') !== null;
  if (isOwn || getSelection()?.isCollapsed === false) return;
  currentTarget.querySelector<HTMLElement>(`.${rowLink}`)?.click();
}
