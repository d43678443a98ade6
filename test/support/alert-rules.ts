import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

const FILE = 'deploy/prometheus/rules.yml';

/** The rules of `deploy/prometheus/rules.yml`. */
export function readRules(): Rule[] {
  const { groups } = parse(readFileSync(FILE, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** The queries of `deploy/grafana/agent-mesh.json`, by the title of their panel. */
export function readDashboardQueries(): { title: string; expr: string }[] {
  const { panels } = JSON.parse(readFileSync('deploy/grafana/agent-mesh.json', 'utf8')) as {
    panels: Panel[];
  };
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
}

/** The names of series that a query selects, without those that the rules record. */
export function seriesOf(query: string): string[] {
  const bare = query
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|on|without|ignoring)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/(?<![\w:])[a-z_:][\w:]*(?!\w*\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => name.includes('_') && !name.includes(':') && !FUNCTIONS.has(name));
}

const FUNCTIONS = new Set(['histogram_quantile']);
