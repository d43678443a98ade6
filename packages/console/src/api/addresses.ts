/** The path of PUBLIC_URL, which the controller writes into the page; usually empty. */
const publicPath = document.querySelector<HTMLMetaElement>('meta[name=public-path]')?.content ?? '';

/** The path of the console. */
export const CONSOLE_PATH = `${publicPath}/console`;

/** The URL of the API. */
export const BASE_URL = `${location.origin}${publicPath}`;
