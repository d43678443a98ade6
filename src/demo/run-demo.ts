import { developmentToken } from '../auth/development-token.js';
import { signingSecret } from '../auth/signing-secret.js';
import type { Environment } from '../config/environment.js';
import { loadEnvironment } from '../config/load-environment.js';
import { playBudgetApproval } from './budget-approval.js';
import { DemoAgent, versionAt } from './demo-agent.js';
import { Narrator, type Output } from './narrator.js';

export interface DemoOptions {
  /** The variables of the controller, and `CONTROLLER_URL`, its URL. */
  variables: Readonly<Record<string, string | undefined>>;
  output: Output;
  errors: Output;
}

/** Runs the demo. Returns the exit code of the process. On an error, prints the cause on one line. */
export async function runDemo({ variables, output, errors }: DemoOptions): Promise<number> {
  try {
    await play(variables, new Narrator(output));
    return 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'failed';
    errors.write(`demo: ${reason.replaceAll('\n', ' ')}\n`);
    return 1;
  }
}

async function play(variables: DemoOptions['variables'], narrator: Narrator): Promise<void> {
  const environment = loadEnvironment(variables);
  const url = controllerUrl(variables, environment);
  narrator.line(`Agent Mesh Controller ${await versionAt(url)} at ${url}`);
  const secret = signingSecret(environment);
  const agent = (role: string): DemoAgent => {
    const {
      OIDC_ISSUER_URL: [issuer],
      OIDC_AUDIENCE: [audience],
    } = environment;
    const token = developmentToken(secret, { roles: [role], issuer, audience });
    return new DemoAgent(role, url, token, narrator);
  };
  await playBudgetApproval({ finance: agent('finance'), manager: agent('manager') });
  narrator.line();
  narrator.line('Done.');
}

function controllerUrl(variables: DemoOptions['variables'], { PORT }: Environment): string {
  const url = variables.CONTROLLER_URL ?? `http://localhost:${PORT}`;
  if (!/^https?:$/.test(protocolOf(url))) throw new Error('CONTROLLER_URL must be an http URL.');
  return url.replace(/\/+$/, '');
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}
