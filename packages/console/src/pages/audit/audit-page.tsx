import { Checkbox, NativeSelect } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { Filters } from '../../components/filters';
import { FilterInput } from '../../components/filter-input';
import { PageTitle } from '../../components/page-title';
import { texts } from '../../texts';
import { EventList } from './event-list';
import { ExportButton } from './export-button';
import { LiveEvents } from './live-events';
import { isPeriod, PERIODS } from './period';
import { SealedLog } from './sealed-log';

const t = texts.audit;
const route = getRouteApi('/audit');
const FILTERS = ['event_type', 'role', 'task_id', 'trace_id'] as const;

/** The audit log: filtered, exported, or followed as it grows. */
export function AuditPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { follow, period, ...filter } = search;
  const change = (name: keyof typeof search, value: string): void => {
    const next = { ...search, [name]: value === '' ? undefined : value };
    void navigate({ search: next, replace: true });
  };
  const isFollowing = follow === 'true';
  const chosen = isPeriod(period) ? period : 'day';
  return (
    <>
      <PageTitle actions={<ExportButton filter={filter} period={chosen} />}>
        {texts.pages.audit}
      </PageTitle>
      <SealedLog />
      <Filters>
        <NativeSelect
          label={t.period}
          value={chosen}
          disabled={isFollowing}
          onChange={({ currentTarget: { value } }) => {
            change('period', value);
          }}
          data={PERIODS.map((value) => ({ value, label: t.periods[value] }))}
        />
        {FILTERS.map((name) => (
          <FilterInput
            key={name}
            label={t.filters[name]}
            value={search[name] ?? ''}
            onChange={(value) => {
              change(name, value);
            }}
          />
        ))}
        <Checkbox
          label={t.follow}
          mb={8}
          checked={isFollowing}
          onChange={({ currentTarget: { checked } }) => {
            change('follow', checked ? 'true' : '');
          }}
        />
      </Filters>
      {isFollowing ? <LiveEvents filter={filter} /> : <EventList filter={filter} period={chosen} />}
    </>
  );
}
