/** The path of PUBLIC_URL, which the controller writes into the page; usually empty. */
const publicPath = document.querySelector<HTMLMetaElement>('meta[name=public-path]')?.content ?? '';

/** The path of the console. */
export const CONSOLE_PATH = `${publicPath}/console`;

/** Returns the URL of a route of the API. */
export function apiUrl(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `${publicPath}${path}${text === '' ? '' : `?${text}`}`;
}

export type Query = Readonly<Record<string, string | number | undefined>>;
