import { Button } from '@mantine/core';
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { texts } from '../texts';
import { type Column, DataTable } from './data-table';
import { QueryResult } from './query-result';
import { StaleNotice } from './stale-notice';

interface PagedTableProps<Page, Row> {
  readonly query: UseInfiniteQueryResult<InfiniteData<Page>>;
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rowsOf: (page: Page) => readonly Row[];
  /** Stands for the table if there are no rows. */
  readonly empty: ReactNode;
}

/** The rows of all pages that were read, and a button that reads the next page. */
export function PagedTable<Page, Row extends { id: string }>({
  query,
  rowsOf,
  empty,
  ...table
}: PagedTableProps<Page, Row>) {
  return (
    <>
      <StaleNotice query={query} />
      <QueryResult query={query}>
        {({ pages }) => {
          const rows = pages.flatMap(rowsOf);
          if (rows.length === 0) return empty;
          return <DataTable {...table} rows={rows} keyOf={({ id }) => id} />;
        }}
      </QueryResult>
      {query.hasNextPage && (
        <Button
          mt="md"
          variant="default"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {texts.more}
        </Button>
      )}
    </>
  );
}
