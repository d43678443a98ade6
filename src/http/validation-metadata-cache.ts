import { getMetadataStorage, type MetadataStorage } from 'class-validator';

type Rules = ReturnType<MetadataStorage['getTargetValidationMetadatas']>;
type RulesByProperty = ReturnType<MetadataStorage['groupByPropertyName']>;

const cacheRules = new WeakSet<MetadataStorage>();

/**
 * Caches the validation rules of each class. Without it class-validator searches the rules of all classes for each object:
 * https://github.com/typestack/class-validator/issues/2686.
 */
export function cacheValidationMetadata(storage: MetadataStorage = getMetadataStorage()): void {
  if (cacheRules.has(storage)) return;
  cacheRules.add(storage);
  const find = storage.getTargetValidationMetadatas.bind(storage);
  const group = storage.groupByPropertyName.bind(storage);
  const add = storage.addValidationMetadata.bind(storage);
  let found = new WeakMap<object, Rules>();
  const grouped = new WeakMap<Rules, RulesByProperty>();

  storage.getTargetValidationMetadatas = (target, schema, always, strictGroups, groups) => {
    // With groups the rules depend on more than the class.
    if (always || strictGroups || groups) return find(target, schema, always, strictGroups, groups);
    return getOrMake(found, target, () => find(target, schema, always, strictGroups));
  };
  storage.groupByPropertyName = (rules) => getOrMake(grouped, rules, () => group(rules));
  storage.addValidationMetadata = (rule) => {
    found = new WeakMap();
    add(rule);
  };
}

function getOrMake<K extends object, V extends object>(
  known: WeakMap<K, V>,
  key: K,
  make: () => V,
): V {
  const value = known.get(key);
  if (value) return value;
  const made = make();
  known.set(key, made);
  return made;
}
