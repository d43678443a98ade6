import { describe, expect, it } from '@jest/globals';
import { type MeshClient, MeshError } from '../../../src/mcp/tools/mesh-client.js';
import { connectionNotice, TERMINAL_NOTICE } from './terminal-notice.js';

const URL = 'http://localhost:8088';

const meshWith = (call: MeshClient['call']): MeshClient => ({ call });

describe('The notice in a terminal', () => {
  it('names the program, the controller and the agent', async () => {
    const body = { subject: 'dev#finance-agent', roles: ['finance', 'legal'] };
    const mesh = meshWith(() => Promise.resolve({ status: 200, body, replayed: false }));
    expect(TERMINAL_NOTICE).toMatch(
      /^Agent Mesh \d+\.\d+\.\d+\S*: an MCP server on standard input and output/,
    );
    expect(await connectionNotice(mesh, URL)).toBe(
      `Connected to ${URL} as dev#finance-agent, acting for finance, legal. Ctrl-C ends the server.\n`,
    );
  });

  it('contains the problem and the next step without a connection', async () => {
    const problem = { code: 'mesh.token_unreadable', detail: 'The file is missing', status: 401 };
    const mesh = meshWith(() => Promise.reject(new MeshError(problem)));
    const notice = await connectionNotice(mesh, URL);
    expect(notice).toContain(
      `Not connected to ${URL}: The file is missing (mesh.token_unreadable). Write the token`,
    );
  });
});
