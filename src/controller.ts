import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { assertPortFree } from './assert-port-free.js';
import { environmentWarnings, loadEnvironment, secretFiles } from './config/load-environment.js';
import { EnvironmentError } from './config/validated.js';
import type { Environment } from './config/environment.js';
import { APP_OPTIONS, configureApp, newHttpAdapter } from './configure-app.js';
import { DatabaseStartupService } from './database/database-startup.service.js';
import { resolveDatabase } from './database/resolve-database.js';
import { codeOf, messageOf } from './errors/error-text.js';
import { startupBanner } from './startup-banner.js';
import { ShutdownService } from './limits/shutdown.service.js';
import { PinoLogger } from './observability/pino-logger.js';
import { flushSpans } from './observability/tracing.js';
import { startupProblem } from './startup-problem.js';
import { startupSummary } from './startup-summary.js';

/** A controller that accepts requests. */
interface RunningController {
  /** Rejects if the database cannot be used and a retry cannot help. */
  readonly opened: Promise<void>;
  /**
   * Becomes not ready, and serves requests for some more seconds so that balancers notice. Then completes the requests in
   * flight, and stops the application and the embedded database.
   */
  stop(reason: string, delaySeconds: number): Promise<void>;
}

/** Resolves or starts the database, creates the application and listens. */
async function startController(
  environment: Environment,
  warnings: readonly string[],
): Promise<RunningController> {
  const logger = new PinoLogger(environment);
  for (const warning of warnings) logger.warn(warning, 'Configuration');
  await assertPortFree(environment);
  const database = await resolveDatabase(environment, (line) => {
    logger.log(line, 'EmbeddedPostgres');
  });
  try {
    const app = await NestFactory.create<NestExpressApplication>(
      AppModule.forRoot(environment, database.url, secretFiles()),
      newHttpAdapter(environment),
      { ...APP_OPTIONS, logger },
    );
    configureApp(app);
    await listen(app, environment);
    const url = await app.getUrl();
    logger.log(startupSummary(environment, url), 'Controller');
    process.stdout.write(startupBanner(environment, url));
    return {
      opened: app.get(DatabaseStartupService).whenConnected,
      async stop(reason, delaySeconds) {
        app.get(ShutdownService).begin();
        const delay = `Not ready; accepts requests for ${delaySeconds} more seconds. `;
        const text = `${delaySeconds > 0 ? delay : ''}Requests in flight are completed.`;
        logger.log(`Stopping on ${reason}. ${text}`, 'Controller');
        await sleep(delaySeconds * 1_000);
        await app.close();
        await database.close();
        await flushSpans();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** @throws Error that names the variable to correct */
async function listen(app: NestExpressApplication, environment: Environment): Promise<void> {
  try {
    await app.listen(environment.PORT, environment.listenHost);
  } catch (error) {
    if (!NO_ADDRESS.has(codeOf(error) ?? '')) throw error;
    const message = `HOST is not an address of this machine. ${messageOf(error)}`;
    throw new Error(message, { cause: error });
  }
}

const NO_ADDRESS = new Set(['ENOTFOUND', 'EADDRNOTAVAIL', 'EAI_AGAIN', 'EINVAL', 'EAFNOSUPPORT']);

/** Runs the controller until a signal stops it. If it cannot start, prints one line with the cause and exits with 1. */
export async function runController(): Promise<void> {
  const warnings = environmentWarnings();
  keepServingWithoutLogReader();
  try {
    const environment = loadEnvironment();
    const controller = await startController(environment, warnings);
    stopOnSignals(controller, environment.shutdownDelaySeconds);
    await controller.opened;
  } catch (error) {
    const hints = error instanceof EnvironmentError ? warnings : [];
    process.stderr.write(`${[startupProblem(error), ...hints].join(' ')}\n`);
    process.exit(1);
  }
}

/** If the reader of the log ends, writes fail (EPIPE). Without a listener that error would end the process. */
function keepServingWithoutLogReader(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/**
 * Milliseconds within which two signals count as one: on Ctrl-C the terminal signals the whole process group, and npm
 * forwards the same signal again.
 */
const ONE_SIGNAL_MS = 500;

/**
 * The first signal drains the controller, SIGTERM after the shutdown delay. The second one exits at once. Ctrl-C sends
 * SIGINT, which has no delay.
 */
function stopOnSignals(controller: RunningController, delaySeconds: number): void {
  let signalledAt: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (signalledAt !== undefined) {
      const isSecond = performance.now() - signalledAt > ONE_SIGNAL_MS;
      if (isSecond) process.exit(signal === 'SIGINT' ? 130 : 143);
      return;
    }
    signalledAt = performance.now();
    controller.stop(signal, signal === 'SIGTERM' ? delaySeconds : 0).then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${startupProblem(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
}
