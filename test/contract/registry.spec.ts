import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { estimators } from '../../src/models/registry.js';
import { acceptsParameters, clausesFor } from './clauses.js';
import { fitPurchases } from './fits.js';

const documented = parse(readFileSync('config/models.yaml', 'utf8')) as Record<string, Record<string, unknown>>;

const subjects = [];
for (const [name, estimator] of Object.entries(estimators))
  subjects.push({ name, estimator, clauses: Object.entries(clausesFor(estimator, await fitPurchases(estimator))) });

describe.each(subjects)('$name', ({ name, estimator, clauses }) => {
  it('is registered under its own name', () => expect(estimator.name).toBe(name));

  it('takes what config/models.yaml says about it', async () => {
    expect(documented).toHaveProperty([name]);
    await expect(acceptsParameters(estimator, documented[name]!)).resolves.toBeUndefined();
  });

  it.each(clauses)('%s', async (_, clause) => {
    await expect(clause(estimator)).resolves.toBeUndefined();
  });
});
