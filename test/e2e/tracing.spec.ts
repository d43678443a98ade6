import '../support/watch-contract.js';
import { importSpecs } from '../support/import-specs.js';

await importSpecs(`${import.meta.dirname}/tracing`);
