import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { mesh } from '../../api/mesh';
import { DownloadButton } from '../../components/download-button';
import { texts } from '../../texts';
import { sealQuery } from './seal-query';

const t = texts.audit.seal;

/** Whether an event is sealed, under which head, and its proof. */
export function SealCell({ eventId }: { eventId: string }) {
  const { data } = useQuery(sealQuery(eventId));
  if (!data || data.state === 'off') return <>{texts.none}</>;
  const { seal } = data;
  if (!seal?.head) {
    return (
      <Text span size="sm" c="dimmed">
        {seal ? t.unsigned : t.notYet}
      </Text>
    );
  }
  return (
    <Group gap="xs" wrap="nowrap">
      <span title={t.entry(seal.seq, seal.head.size)}>{t.head(seal.head.size)}</span>
      <DownloadButton
        size="compact-xs"
        name={`event-${eventId}.tlog-proof`}
        read={() => mesh.audit.proof(eventId)}
        aria-label={t.proofOf(seal.seq)}
      >
        {t.proof}
      </DownloadButton>
    </Group>
  );
}
