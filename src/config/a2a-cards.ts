import { readFileSync } from 'node:fs';
import { isRecord } from '../common/is-record.js';
import { NAME } from '../common/names.js';
import { parseJson } from '../common/parse-json.js';

/** A kind of work that an A2A agent offers. Its id is the type of the tasks. */
export interface CardSkill {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly examples: readonly string[];
  /** Whether only the extended card, which requires a token, contains the skill. */
  readonly extended: boolean;
}

/** The texts of the agent card of a role. */
export interface CardTexts {
  readonly name?: string;
  readonly description?: string;
  readonly skills: readonly CardSkill[];
}

type Members = Record<string, unknown>;

const MAX_TEXT = 1_000;

/**
 * Reads the file `A2A_CARDS_FILE`: a JSON object whose members are roles.
 *
 * @throws Error that names the variable and the wrong member
 */
export function readCards(path: string): ReadonlyMap<string, CardTexts> {
  return parseCards(readText(path));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new Error('A2A_CARDS_FILE cannot be read');
  }
}

/** Parses the content of the file; see {@link readCards}. */
export function parseCards(text: string): ReadonlyMap<string, CardTexts> {
  const cards = parseJson(text);
  if (!isRecord(cards)) throw wrong('', 'a JSON object with a member for each role');
  return new Map(Object.entries(cards).map(([role, card]) => [role, toCard(card, role)]));
}

function toCard(value: unknown, at: string): CardTexts {
  const card = membersOf(value, at, ['name', 'description', 'skills']);
  const skills = card.skills ?? [];
  if (!Array.isArray(skills)) throw wrong(`${at}.skills`, 'a list');
  return {
    ...(card.name !== undefined && { name: textOf(card.name, `${at}.name`) }),
    ...(card.description !== undefined && {
      description: textOf(card.description, `${at}.description`),
    }),
    skills: skills.map((skill, index) => toSkill(skill, `${at}.skills[${index}]`)),
  };
}

function toSkill(value: unknown, at: string): CardSkill {
  const skill = membersOf(value, at, SKILL_MEMBERS);
  const id = textOf(skill.id, `${at}.id`);
  if (!NAME.test(id)) throw wrong(`${at}.id`, 'a type of tasks: at most 50 characters, no comma');
  const extended = skill.extended ?? false;
  if (typeof extended !== 'boolean') throw wrong(`${at}.extended`, 'true or false');
  return {
    id,
    name: skill.name === undefined ? id : textOf(skill.name, `${at}.name`),
    description: textOf(skill.description, `${at}.description`),
    tags: textsOf(skill.tags, `${at}.tags`),
    examples: textsOf(skill.examples, `${at}.examples`),
    extended,
  };
}

const SKILL_MEMBERS = ['id', 'name', 'description', 'tags', 'examples', 'extended'];

function membersOf(value: unknown, at: string, names: readonly string[]): Members {
  if (!isRecord(value)) throw wrong(at, 'a JSON object');
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrong(at, `an object with the members ${names.join(', ')} only`);
  return value;
}

function textsOf(value: unknown, at: string): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(at, 'a list of texts');
  return value.map((text, index) => textOf(text, `${at}[${index}]`));
}

function textOf(value: unknown, at: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT) return value;
  throw wrong(at, `a text of 1 to ${MAX_TEXT} characters`);
}

function wrong(at: string, rule: string): Error {
  return new Error(
    `${at === '' ? 'the content' : at} in the file of A2A_CARDS_FILE must be ${rule}`,
  );
}
