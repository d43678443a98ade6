import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { readText } from '../../api/client';
import type { AuditFilter } from '../../api/queries';
import { ErrorPanel } from '../../components/error-panel';
import { texts } from '../../texts';
import { type Period, startOf } from './period';

const NDJSON = 'application/x-ndjson';

/** Downloads the events of the filter, one JSON object per line. */
export function ExportButton({ filter, period }: { filter: AuditFilter; period: Period }) {
  const download = useMutation({
    mutationFn: async () => {
      const query = { ...filter, from: startOf(period) };
      const text = await readText('/audit/events', query, NDJSON);
      // The last line of a complete export says so.
      const last = text.trimEnd().split('\n').at(-1) ?? '';
      if (!last.includes('"export_completed"')) throw new Error(texts.audit.exportIncomplete);
      save(text);
    },
  });
  return (
    <>
      <Button
        variant="default"
        size="sm"
        loading={download.isPending}
        onClick={() => {
          download.mutate();
        }}
      >
        {texts.audit.export}
      </Button>
      {download.error && <ErrorPanel error={download.error} />}
    </>
  );
}

function save(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: NDJSON }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'audit-events.ndjson';
  link.click();
  URL.revokeObjectURL(url);
}
