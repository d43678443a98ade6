import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { WORK_THROUGH_INBOX } from './mcp/tools/inbox-prompt.js';
import { TOOLS } from './mcp/tools/all-tools.js';
import { ERRORS } from './errors/error-codes.js';

/**
 * The words of documentation, OpenAPI document, MCP tools and error texts. The vocabulary is the glossary's; the table
 * of its deprecated terms is read here, so that a term is deprecated by one line there.
 */

interface Text {
  /** Where it stands: a file, or a list of texts by its name. */
  readonly source: string;
  /** Prose without code, line by line. */
  readonly lines: readonly string[];
}

/** Sources that still contain banned phrases. This list only shrinks: a source that is clean must be removed. */
const EXEMPT: readonly string[] = [];

/** Phrases that no term replaces: clauses in place of nouns, and machines that speak. */
const BANNED: readonly { readonly pattern: RegExp; readonly use: string }[] = [
  {
    pattern: /(?:^|[.:]\s+|\|\s+|\*\*)(?:What|Who)\s(?![^.?|]*\?)/,
    use: 'a noun as the subject, not a clause that starts with What or Who',
  },
  {
    pattern:
      /\b(?:PostgreSQL|Postgres|Redis|Nest|Express|Node|V8|controller|database|server|process|instance|response|request|header|token|log|route|page|test|column|error|status|field|member|detail|code|metric|schema|tool|trigger|sweep|key|script)s? (?:tells?|told|says?|said|hears?|heard|knows?|knew|believes?)\b/i,
    use: 'returns, reports, contains, shows: machines do not speak',
  },
  { pattern: /\bthis takes\b/i, use: 'requires' },
  {
    pattern: /\b(?:the one who|those who|anybody who|somebody else)\b/i,
    use: 'the noun: requester, caller, another agent',
  },
  { pattern: /\bit is told\b/i, use: 'it receives' },
  { pattern: /\bunder way\b/i, use: 'in progress' },
  { pattern: /\bwhat (?:became|becomes|has become) of\b/i, use: 'the outcome of' },
  {
    pattern:
      /[,;:] for (?:it|they|there|this|these|those|he|she) (?:is|are|was|were|has|have|had|can|could|may|would|does|did)\b/i,
    use: 'because',
  },
];

const GLOSSARY = 'docs/glossary.md';

const DEPRECATED = rowsOf(
  readFileSync(GLOSSARY, 'utf8').split('## Deprecated terms')[1]?.split('\nSome words')[0] ?? '',
).map(([term = '', use = '']) => ({
  pattern: new RegExp(`\\b${term.replaceAll(' ', '\\s+')}\\b`, 'i'),
  use,
}));

const RULES = [...DEPRECATED, ...BANNED];

const PAGES = markdownFiles();

/** Scripts that readers run: their comments, and the lines that they print. */
const SCRIPTS = [...docsFiles(), ...filesIn('examples')].filter((name) => /\.(sh|py)$/.test(name));

const TEXTS: readonly Text[] = [
  ...PAGES.map((source) => ({ source, lines: proseOf(source) })),
  ...SCRIPTS.map((source) => ({ source, lines: readFileSync(source, 'utf8').split('\n') })),
  { source: 'docs/openapi.json', lines: stringsOf(readJson('docs/openapi.json')) },
  { source: 'docs/asyncapi.json', lines: stringsOf(readJson('docs/asyncapi.json')) },
  { source: 'MCP tools', lines: stringsOf([TOOLS, WORK_THROUGH_INBOX]) },
  { source: '.env.example', lines: readFileSync('.env.example', 'utf8').split('\n') },
  ...sourceFolders().map((folder) => ({
    source: `messages in ${folder}`,
    lines: sourceFiles()
      .filter((name) => posix.join('src', name.split('/').slice(1, -1)[0] ?? '') === folder)
      .flatMap(literalsOf),
  })),
];

/** All code of the application: what its log lines and messages are made of. */
const SOURCE = [...sourceFiles(), ...packageFiles()]
  .map((name) => readFileSync(name, 'utf8'))
  .join('\n');

describe('The vocabulary', () => {
  it('is read from the glossary', () => {
    expect(DEPRECATED.length).toBeGreaterThan(30);
    expect(DEPRECATED.filter(({ use }) => use === '')).toEqual([]);
  });

  it.each(TEXTS.filter(({ source }) => !EXEMPT.includes(source)))(
    'is kept in $source',
    ({ lines }) => {
      expect(findingsIn(lines)).toEqual([]);
    },
  );

  it('is not kept yet in the exempt sources: one that is clean, or gone, leaves the list', () => {
    const failing = TEXTS.filter(({ lines }) => findingsIn(lines).length > 0);

    expect(EXEMPT.filter((source) => !failing.some((text) => text.source === source))).toEqual([]);
  });

  it('finds deprecated terms, clauses as subjects and machines that speak, and leaves code and questions', () => {
    const wrong = [
      'The task was called off.',
      'What is too late is refused.',
      'Redis tells the truth.',
      'It need not wait.',
    ];
    const right = [
      'What can I decide now?',
      'The task was cancelled.',
      ...linesOf('Branch on `told`.\n\n```sh\necho anew\n```\n'),
    ];

    expect(wrong.flatMap((line) => findingsIn([line]))).toHaveLength(wrong.length);
    expect(findingsIn(right)).toEqual([]);
  });
});

describe('The links of the documentation', () => {
  it.each(PAGES)('lead to files and headings that exist, in %s', (page) => {
    expect(linksOf(readFileSync(page, 'utf8')).filter((link) => !leads(page, link))).toEqual([]);
  });

  it('would be found dead', () => {
    expect(leads('README.md', 'docs/no-such-page.md')).toBe(false);
    expect(leads('README.md', `${GLOSSARY}#no-such-heading`)).toBe(false);
    expect(leads('README.md', `${GLOSSARY}#deprecated-terms`)).toBe(true);
  });
});

describe('The test files that the documentation names', () => {
  it.each(PAGES.filter((page) => specsOf(readFileSync(page, 'utf8')).length > 0))(
    'exist, in %s',
    (page) => {
      expect(specsOf(readFileSync(page, 'utf8')).filter((name) => !isSpec(name))).toEqual([]);
    },
  );

  it('are found in code and in links, by their path in test/ or in the repository', () => {
    expect(specsOf('| `e2e/no-such.spec.ts`, [`src/a.spec.ts`](../src/a.spec.ts) |')).toEqual([
      'e2e/no-such.spec.ts',
      'src/a.spec.ts',
    ]);
    expect(isSpec('e2e/no-such.spec.ts')).toBe(false);
    expect(isSpec('docs-prose.spec.ts')).toBe(false);
    expect(isSpec('src/docs-prose.spec.ts')).toBe(true);
    expect(isSpec('e2e/chaos.spec.ts')).toBe(true);
    expect(specsOf(readFileSync('docs/reliability.md', 'utf8')).length).toBeGreaterThan(30);
  });
});

describe('docs/troubleshooting.md', () => {
  const page = readFileSync('docs/troubleshooting.md', 'utf8');

  it('names only error codes that exist', () => {
    const known = [...Object.keys(ERRORS), ...mcpErrorCodes()];
    const named = [...page.matchAll(/^### .*?`([a-z]+\.[a-z_]+)`/gm)].map(([, code = '']) => code);

    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((code) => !known.includes(code))).toEqual([]);
  });

  it('quotes only messages that the source contains', () => {
    const quoted = [...page.matchAll(/^### `([^`]+)`$/gm)]
      .flatMap(([, message = '']) => message.split('…'))
      .map((part) => part.trim())
      .filter((part) => part.includes(' '));

    expect(quoted.length).toBeGreaterThan(10);
    expect(quoted.filter((part) => !SOURCE.includes(part))).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it('states the format of commit messages', () => {
    expect(readFileSync('CONTRIBUTING.md', 'utf8')).toContain('`area: imperative summary`');
  });
});

function findingsIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    RULES.flatMap(({ pattern, use }) => {
      const [found] = pattern.exec(line) ?? [];
      return found === undefined
        ? []
        : [`"${found.trim()}" → ${use}: ${line.trim().slice(0, 160)}`];
    }),
  );
}

function markdownFiles(): string[] {
  return [...readdirSync('.'), ...docsFiles(), ...filesIn('examples')]
    .filter((name) => name.endsWith('.md'))
    .sort();
}

function docsFiles(): string[] {
  return filesIn('docs');
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    posix.join(folder, name.replaceAll('\\', '/')),
  );
}

function sourceFiles(): string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join('src', name.replaceAll('\\', '/')))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .sort();
}

function packageFiles(): string[] {
  return filesIn('packages').filter(
    (name) => /^packages\/\w+\/src\/.*\.ts$/.test(name) && !name.endsWith('.spec.ts'),
  );
}

/** `src` itself, and each of its folders. */
function sourceFolders(): string[] {
  const folders = readdirSync('src', { withFileTypes: true }).filter((one) => one.isDirectory());
  return ['src', ...folders.map(({ name }) => posix.join('src', name)).sort()];
}

/** Codes of the client and the stdio server, for what no controller answered. */
function mcpErrorCodes(): string[] {
  return [...SOURCE.matchAll(/'(mesh\.\w+)'/g)].map(([, code = '']) => code);
}

/** The prose of a page; of the glossary without the tables of terms to avoid. */
function proseOf(page: string): string[] {
  const text = readFileSync(page, 'utf8');
  return linesOf(page === GLOSSARY ? (text.split('## Deprecated terms')[0] ?? '') : text);
}

/** Lines of Markdown without code, link targets and quoted program output. */
function linesOf(markdown: string): string[] {
  return markdown
    .replaceAll(/^ *(```+)[^]*?^ *\1$/gm, '')
    .replaceAll(/`[^`\n]*`/g, '`…`')
    .replaceAll(/\]\([^)]*\)/g, ']')
    .split('\n');
}

/** Every string of at least two words within a JSON value or a list of tools. */
function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.includes(' ') ? linesOf(value) : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(stringsOf);
}

/** String literals, and the fixed parts of templates, with at least three words. */
function literalsOf(file: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node)
    ) {
      found.push(...linesOf(node.text));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest));
  return found.filter((text) => /\S\s+\S+\s+\S/.test(text));
}

function linksOf(markdown: string): string[] {
  return [...markdown.replaceAll(/^ *(```+)[^]*?^ *\1$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The spec files that a page names as code. */
function specsOf(markdown: string): string[] {
  return [...markdown.matchAll(/`([\w./-]+\.spec\.ts)`/g)].map(([, name = '']) => name);
}

/** Whether a path in `test/`, or one in the repository, is that of a spec. */
function isSpec(name: string): boolean {
  return existsSync(posix.join('test', name)) || existsSync(name);
}

function leads(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : posix.join(posix.dirname(page), path);
  if (!existsSync(target)) return false;
  if (anchor === undefined) return true;
  return statSync(target).isFile() && anchorsOf(target).includes(anchor);
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): string[] {
  const headings = readFileSync(page, 'utf8')
    .replaceAll(/^ *(```+)[^]*?^ *\1$/gm, '')
    .matchAll(/^#+ (.+)$/gm);
  const seen = new Map<string, number>();
  return [...headings].map(([, heading = '']) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

function rowsOf(markdown: string): string[][] {
  return [...markdown.matchAll(/^\| (.+) \|$/gm)]
    .map(([, row = '']) => row.split('|').map((cell) => cell.trim()))
    .slice(2);
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
