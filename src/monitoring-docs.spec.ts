import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

interface Alert {
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

const RULES = parse(readFileSync('deploy/prometheus/rules.yml', 'utf8')) as {
  groups: { rules: Alert[] }[];
};
const TESTS = readFileSync('deploy/prometheus/rules.test.yml', 'utf8');
const RUNBOOKS = readFileSync('docs/operations/runbooks.md', 'utf8');

const ALERTS = RULES.groups.flatMap(({ rules }) =>
  rules.flatMap(({ alert, ...rule }) => (alert === undefined ? [] : [{ name: alert, ...rule }])),
);
const NAMES = ALERTS.map(({ name }) => name);
const SECTIONS = RUNBOOKS.split(/^## /m)
  .slice(1)
  .map((section) => ({ name: section.split('\n', 1).join(), text: section }));

describe('The alerts', () => {
  it('have different names, which begin with Mesh', () => {
    expect(NAMES.length).toBeGreaterThan(30);
    expect(new Set(NAMES).size).toBe(NAMES.length);
    expect(NAMES.filter((name) => !/^Mesh[A-Z]\w+$/.test(name))).toEqual([]);
  });

  it.each(ALERTS)('$name has a severity, texts, and a link to its runbook', (alert) => {
    const { labels, annotations = {}, name } = alert;
    expect(['page', 'ticket']).toContain(labels?.severity);
    expect(annotations.summary).toMatch(/\.$/);
    expect(annotations.description).toMatch(/\.$/);
    expect(annotations.runbook_url).toBe(`docs/operations/runbooks.md#${name.toLowerCase()}`);
  });

  it('each fire in a test of the rules', () => {
    const tested = new Set([...TESTS.matchAll(/alertname="(\w+)"/g)].map(([, name]) => name));
    expect(NAMES.filter((name) => !tested.has(name))).toEqual([]);
  });
});

describe('The runbooks', () => {
  it('have a section for each alert, in the order of the rules, and no other', () => {
    expect(SECTIONS.map(({ name }) => name)).toEqual(NAMES);
  });

  it.each(SECTIONS)('$name has a meaning, where to look, and how to act', ({ text }) => {
    const parts = [...text.matchAll(/^\*\*(\w[\w ]*)\.\*\* ?/gm)].map(([, part]) => part);
    expect(parts).toEqual(['Meaning', 'Look at', 'Act']);
  });
});
