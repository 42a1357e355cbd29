import { estimators } from '../../src/models/registry.js';
import { clausesFor, fitPurchases } from './clauses.js';

const subjects = [];
for (const [name, estimator] of Object.entries(estimators))
  subjects.push({ name, estimator, clauses: Object.entries(clausesFor(estimator, await fitPurchases(estimator))) });

describe.each(subjects)('$name', ({ name, estimator, clauses }) => {
  it('is registered under its own name', () => expect(estimator.name).toBe(name));

  it.each(clauses)('%s', async (_, clause) => {
    await expect(clause(estimator)).resolves.toBeUndefined();
  });
});
