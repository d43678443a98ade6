/** The arguments of a command do not allow to run it. Its message is followed by the usage of the command. */
export class UsageError extends Error {}
