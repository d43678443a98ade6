import { getMetadataStorage, type MetadataStorage } from 'class-validator';

type Rules = ReturnType<MetadataStorage['getTargetValidationMetadatas']>;
type RulesByProperty = ReturnType<MetadataStorage['groupByPropertyName']>;

const remembering = new WeakSet<MetadataStorage>();

/**
 * Has class-validator look for the rules of a class once. By itself it goes through the classes of the whole
 * application with every object that it looks at: https://github.com/typestack/class-validator/issues/2686.
 */
export function rememberRules(storage: MetadataStorage = getMetadataStorage()): void {
  if (remembering.has(storage)) return;
  remembering.add(storage);
  const find = storage.getTargetValidationMetadatas.bind(storage);
  const group = storage.groupByPropertyName.bind(storage);
  const add = storage.addValidationMetadata.bind(storage);
  let found = new WeakMap<object, Rules>();
  const grouped = new WeakMap<Rules, RulesByProperty>();

  storage.getTargetValidationMetadatas = (target, schema, always, strictGroups, groups) => {
    // Which rules are those of a group depends on more than the class.
    if (always || strictGroups || groups) return find(target, schema, always, strictGroups, groups);
    const rules = found.get(target) ?? find(target, schema, always, strictGroups);
    found.set(target, rules);
    return rules;
  };
  storage.groupByPropertyName = (rules) => {
    const known = grouped.get(rules) ?? group(rules);
    grouped.set(rules, known);
    return known;
  };
  storage.addValidationMetadata = (rule) => {
    found = new WeakMap();
    add(rule);
  };
}
