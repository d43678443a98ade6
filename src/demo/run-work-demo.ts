import { developmentToken } from '../auth/development-token.js';
import { signingSecret } from '../auth/signing-secret.js';
import { loadEnvironment } from '../config/load-environment.js';
import { DemoAgent, versionAt } from './demo-agent.js';
import { COMPILED_WORKER, type WorkerProgram } from './demo-worker.js';
import { playLostWorker } from './lost-worker.js';
import { Narrator, type Output } from './narrator.js';

export interface WorkDemoOptions {
  /** URL of the controller. Defaults to localhost at PORT. */
  url: string | undefined;
  /** Variables of the controller. Defaults to those of the process. */
  variables?: Record<string, string | undefined>;
  /** Program of the worker processes. */
  worker?: WorkerProgram;
  output: Output;
  errors: Output;
}

/** Runs the demo. Returns the exit code of the process. On an error, prints the cause on one line. */
export async function runWorkDemo(options: WorkDemoOptions): Promise<number> {
  try {
    await play(options, new Narrator(options.output));
    return 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'failed';
    options.errors.write(`demo: ${reason.replaceAll('\n', ' ')}\n`);
    return 1;
  }
}

async function play({ url, variables, worker }: WorkDemoOptions, narrator: Narrator) {
  const environment = loadEnvironment(variables);
  const controller = (url ?? `http://localhost:${environment.PORT}`).replace(/\/+$/, '');
  narrator.line(`Agent Mesh Controller ${await versionAt(controller)} at ${controller}`);
  const secret = signingSecret(environment);
  const {
    OIDC_ISSUER_URL: [issuer],
    OIDC_AUDIENCE: [audience],
  } = environment;
  const tokenOf = (role: string, sub?: string): string =>
    developmentToken(secret, {
      roles: [role],
      issuer,
      audience,
      ...(sub !== undefined && { sub }),
    });
  await playLostWorker({
    finance: new DemoAgent('finance', controller, tokenOf('finance'), narrator),
    order: { url: controller, lease_seconds: environment.LEASE_MIN_SECONDS },
    tokenOf: (name) => tokenOf('legal', name),
    program: worker ?? COMPILED_WORKER,
    narrator,
  });
  narrator.line();
  narrator.line('Done.');
}
