import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { usePollInterval } from '../../api/live-context';
import { useHasRole } from '../../auth/use-session';
import { EmptyState } from '../../components/empty-state';
import { PageTitle } from '../../components/page-title';
import { Section } from '../../components/section';
import { texts } from '../../texts';
import { healthQuery } from './admin-queries';
import { Deliveries } from './deliveries';
import { Denials } from './denials';
import { HealthFacts } from './health-facts';
import { Webhooks } from './webhooks';

const t = texts.admin;
const route = getRouteApi('/admin');

/** Webhooks and their deliveries, refused requests, and the health of the controller. */
export function AdminPage() {
  const { webhook } = route.useSearch();
  const isAdmin = useHasRole('admin');
  const isStaff = useHasRole('admin', 'auditor');
  const health = useQuery({ ...healthQuery, refetchInterval: usePollInterval() || 15_000 });
  return (
    <>
      <PageTitle>{texts.pages.admin}</PageTitle>
      <Stack gap="md">
        <Section title={t.health}>
          <HealthFacts query={health} />
        </Section>
        {isAdmin && (
          <Section title={t.webhooks}>
            <Webhooks />
          </Section>
        )}
        {isAdmin && webhook !== undefined && (
          <Section title={t.deliveries} actions={<Link to="/admin">{texts.close}</Link>}>
            <Deliveries webhook={webhook} />
          </Section>
        )}
        {isStaff ? (
          <Section title={t.denials}>
            <Denials />
          </Section>
        ) : (
          <EmptyState title={t.forStaff}>
            <Text size="sm">{t.forStaffHint}</Text>
          </EmptyState>
        )}
      </Stack>
    </>
  );
}
