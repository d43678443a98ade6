import type { CallerDto } from '../../../src/auth/caller.dto.js';
import { VERSION } from '../../../src/version.js';
import { hintFor } from '../../../src/mcp/tools/error-hints.js';
import { type MeshClient, MeshError } from '../../../src/mcp/tools/mesh-client.js';
import { recordOf } from '../../../src/mcp/tools/json-of.js';
import { memberText } from '../../../src/mcp/tools/tool.js';

/** The purpose of the stdio server, for a person who starts it in a terminal. */
export const TERMINAL_NOTICE = `Agent Mesh ${VERSION}: an MCP server on standard input and output. An MCP client starts it; docs/agent-mesh.md describes the configuration.
`;

/** Returns the controller and the agent that the stdio server is connected to, or the problem, as one line. */
export async function connectionNotice(mesh: MeshClient, url: string): Promise<string> {
  return `${await connectionTo(mesh, url)} Ctrl-C ends the server.\n`;
}

async function connectionTo(mesh: MeshClient, url: string): Promise<string> {
  try {
    const { body } = await mesh.call('who_am_i');
    const { subject, roles } = recordOf<CallerDto>(body);
    const named = Array.isArray(roles) ? roles.map(memberText).join(', ') : '';
    return `Connected to ${url} as ${memberText(subject)}, acting for ${named || 'no role'}.`;
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    const { problem } = error;
    return `Not connected to ${url}: ${problem.detail} (${problem.code}). ${hintFor(problem)}`;
  }
}
