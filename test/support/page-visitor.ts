/** A browser in small: keeps cookies, follows redirects and submits forms. */
export class PageVisitor {
  private readonly cookies = new Map<string, string>();
  /** The page that it shows. */
  url = '';
  html = '';
  status = 0;

  /** @param stopAt does not open URLs that begin with this, and keeps them as `url` */
  constructor(private readonly stopAt = '\0') {}

  async open(url: string, init: RequestInit = {}): Promise<void> {
    this.url = url;
    if (url.startsWith(this.stopAt)) return;
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: {
        cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
    });
    for (const cookie of response.headers.getSetCookie()) this.keep(cookie);
    const location = response.headers.get('location');
    if (location !== null) {
      await response.body?.cancel();
      return this.open(new URL(location, url).href);
    }
    this.status = response.status;
    this.html = await response.text();
  }

  /** Submits the form of the page, with these values in place of its own. */
  async submit(values: Record<string, string> = {}): Promise<void> {
    const [, attributes = '', content = ''] = /<form([^>]*)>([^]*?)<\/form>/.exec(this.html) ?? [];
    const fields = [...content.matchAll(/<input([^>]*)>/g)].map(
      ([, input = '']) => [attribute(input, 'name'), attribute(input, 'value')] as const,
    );
    const body = new URLSearchParams({ ...Object.fromEntries(fields), ...values });
    body.delete('');
    const action = new URL(attribute(attributes, 'action') || this.url, this.url);
    await this.open(action.href, { method: 'POST', body });
  }

  private keep(cookie: string): void {
    const [pair = ''] = cookie.split(';');
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    if (value === '') this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function attribute(text: string, name: string): string {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? '';
}
