import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Serves the JavaScript files of a folder, and one page at `/`. */
export class PageServer {
  /** The page that `/` shows. */
  html = '';
  private readonly server: Server;

  /** @param folder of the files; undefined until it is known */
  constructor(private readonly folder: () => string) {
    this.server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      void this.contentOf(pathname).then(
        (content) => {
          const type = pathname === '/' ? 'text/html' : 'text/javascript';
          response.setHeader('content-type', type).end(content);
        },
        () => response.writeHead(404).end(),
      );
    });
  }

  /** Starts it on a free port. Returns its origin. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async contentOf(pathname: string): Promise<string | Buffer> {
    return pathname === '/' ? this.html : readFile(join(this.folder(), pathname));
  }
}
