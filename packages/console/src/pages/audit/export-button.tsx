import type { AuditFilter } from '@agent-mesh/client';
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { mesh } from '../../api/mesh';
import { ErrorPanel } from '../../components/error-panel';
import { saveFile } from '../../components/save-file';
import { texts } from '../../texts';
import { type Period, startOf } from './period';

const NDJSON = 'application/x-ndjson';

/** Downloads the events of the filter, one JSON object per line. */
export function ExportButton({ filter, period }: { filter: AuditFilter; period: Period }) {
  const download = useMutation({
    mutationFn: async () => {
      const response = await mesh.audit.export({ ...filter, from: startOf(period) });
      const text = await response.text();
      // The last line of a complete export says so.
      const last = text.trimEnd().split('\n').at(-1) ?? '';
      if (!last.includes('"export_completed"')) throw new Error(texts.audit.exportIncomplete);
      saveFile('audit-events.ndjson', text, NDJSON);
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
