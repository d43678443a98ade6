/** Why the demo cannot go on, as one line for the person at the terminal. */
export class DemoError extends Error {}
