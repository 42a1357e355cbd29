import { estimators } from '../../src/models/registry.js';
import { parts } from './bind.js';

it.each(Object.values(estimators))('$name is bound by the contract in exactly one part', (estimator) => {
  expect(Object.values(parts).filter((belongs) => belongs(estimator))).toHaveLength(1);
});
