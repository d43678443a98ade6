/** The demo cannot continue. The message is one line with the cause. */
export class DemoError extends Error {}
