import { readFileSync } from 'node:fs';
import { IsOptional, IsString, IsUrl, Matches } from 'class-validator';
import { misspelledVariables, misspellingWarning } from './misspelled-variables.js';
import { EnvironmentError, validated, type Variables } from './validated.js';
import { WholeNumber } from '../common/whole-number.js';
import { URL_OPTIONS } from './variable.js';

const TOKEN = { message: '$property must hold a token: visible characters, no spaces' };

/** Configuration of the stdio MCP server from environment variables. `docs/agent-mesh.md` describes each variable. */
export class MeshEnvironment {
  // No user and password: the error that a model receives if the controller does not respond contains this URL.
  @IsUrl(
    { ...URL_OPTIONS, protocols: ['http', 'https'], disallow_auth: true },
    { message: '$property must be an http or https URL without a user and a password' },
  )
  readonly CONTROLLER_URL: string = 'http://localhost:8088';

  @IsOptional()
  @Matches(/^[\x21-\x7e]+$/, TOKEN)
  readonly MESH_JWT_TOKEN?: string;

  @IsOptional()
  @IsString()
  readonly MESH_JWT_TOKEN_FILE?: string;

  @WholeNumber(0, 10)
  readonly MESH_RETRY_COUNT: number = 3;

  @WholeNumber(1, 300)
  readonly MESH_TIMEOUT_SECS: number = 30;
}

/** Names of all variables of the stdio server. */
export const MESH_VARIABLES: readonly string[] = Object.keys(new MeshEnvironment());

/** Returns a warning for each variable whose name resembles that of a known one. */
export function meshEnvironmentWarnings(variables: Variables = process.env): string[] {
  return misspelledVariables(variables, MESH_VARIABLES).map(misspellingWarning);
}

/**
 * Reads and validates the variables of the stdio server. It does not read the token file: the file can be written later,
 * and a tool call reports a problem to the client.
 *
 * @throws EnvironmentError
 */
export function loadMeshEnvironment(variables: Variables = process.env): MeshEnvironment {
  return validated(MeshEnvironment, variables, oneToken);
}

function oneToken({ MESH_JWT_TOKEN, MESH_JWT_TOKEN_FILE }: MeshEnvironment): string[] {
  const given = [MESH_JWT_TOKEN, MESH_JWT_TOKEN_FILE].filter((value) => value !== undefined);
  if (given.length === 1) return [];
  return [`set MESH_JWT_TOKEN or MESH_JWT_TOKEN_FILE${given.length > 1 ? ', not both' : ''}`];
}

/**
 * Reads a token from a file and trims white space.
 *
 * @throws EnvironmentError if the file cannot be read or contains no token
 */
export function tokenFrom(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch {
    throw new EnvironmentError(['MESH_JWT_TOKEN_FILE cannot be read']);
  }
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new EnvironmentError([
    'MESH_JWT_TOKEN_FILE must hold a token: visible characters, no spaces',
  ]);
}
