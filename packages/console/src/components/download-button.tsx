import { Button, type ButtonProps } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { ErrorPanel } from './error-panel';
import { saveFile } from './save-file';

interface DownloadButtonProps extends ButtonProps {
  readonly name: string;
  /** Reads the file. */
  readonly read: () => Promise<Response>;
  readonly children: string;
  readonly 'aria-label'?: string;
}

/** Downloads a file of the API, which needs the token of the person and so is no link. */
export function DownloadButton({ name, read, children, ...button }: DownloadButtonProps) {
  const download = useMutation({
    mutationFn: async () => {
      const response = await read();
      const type = response.headers.get('content-type') ?? 'application/octet-stream';
      saveFile(name, await response.text(), type);
    },
  });
  return (
    <>
      <Button
        variant="default"
        loading={download.isPending}
        onClick={() => {
          download.mutate();
        }}
        {...button}
      >
        {children}
      </Button>
      {download.error && <ErrorPanel error={download.error} />}
    </>
  );
}
