export interface Programs {
  readonly folder: string;
  remove(): Promise<void>;
}

export function buildPrograms(
  root?: string,
  sources?: readonly string[],
  commands?: readonly string[],
): Promise<Programs>;
