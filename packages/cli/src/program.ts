import { Command } from 'commander';
import { addApprovalCommands } from './commands/approvals.js';
import { addAuditCommands } from './commands/audit.js';
import { addCompletionCommand } from './commands/completion.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addLoginCommands } from './commands/login.js';
import { addTaskCommands } from './commands/tasks.js';
import { addVerifyCommand } from './commands/verify.js';
import { addWatchCommand } from './commands/watch.js';
import { addWebhookCommands } from './commands/webhooks.js';
import { addWorkCommands } from './commands/work.js';
import { VERSION } from '../../../src/version.js';

/** Creates the program with all its commands. */
export function createProgram(): Command {
  const program = new Command('mesh')
    .description(
      'Route tasks, work on them, decide approvals and follow events of an Agent Mesh Controller.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .option(
      '--url <url>',
      'URL of the controller (default: MESH_URL, the latest login, http://localhost:8088)',
    )
    .option('--role <role>', 'role to act for (default: MESH_ROLE, the default role of the token)')
    .option('--json', 'print JSON, for scripts')
    .helpOption('-h, --help', 'print the help of a command')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(mesh --help lists the commands and options)')
    .exitOverride();
  addLoginCommands(program);
  addTaskCommands(program);
  addWorkCommands(program);
  addApprovalCommands(program);
  addWatchCommand(program);
  addAuditCommands(program);
  addVerifyCommand(program);
  addWebhookCommands(program);
  addDoctorCommand(program);
  addCompletionCommand(program);
  return program;
}
