import { developmentToken } from '../auth/development-token.js';
import { signingSecret } from '../auth/signing-secret.js';
import { loadEnvironment } from '../config/load-environment.js';
import { DemoAgent, versionAt } from './demo-agent.js';
import { COMPILED_WORKER, type WorkerProgram } from './demo-worker.js';
import { playLostWorker } from './lost-worker.js';
import { Narrator, type Output } from './narrator.js';

export interface WorkDemoOptions {
  /** Where the controller answers; else on this machine, at its port. */
  url: string | undefined;
  /** The controller's own variables; else those of the process. */
  variables?: Record<string, string | undefined>;
  /** What a worker's process runs. */
  worker?: WorkerProgram;
  output: Output;
  errors: Output;
}

/** Plays the demo; gives the exit code of its process, having said in one line what went wrong, if anything did. */
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
    OIDC_ISSUER_URL: issuer,
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
