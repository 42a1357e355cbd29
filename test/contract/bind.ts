import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Estimator } from '../../src/models/detector.js';
import { estimators } from '../../src/models/registry.js';
import { acceptsParameters, clausesFor } from './clauses.js';
import { fitPurchases } from './fits.js';

/** The registry in parts of like cost, so that jest's workers share them; `registry.spec.ts` sees that they are all of it. */
export const parts = {
  exact: ({ family, likelihood }: Estimator) => family === 'generative' && likelihood === 'exact',
  inexact: ({ family, likelihood }: Estimator) => family === 'generative' && likelihood !== 'exact',
  discriminative: ({ family }: Estimator) => family === 'discriminative',
  classic: ({ family }: Estimator) => family === 'classic',
} satisfies Readonly<Record<string, (estimator: Estimator) => boolean>>;

const documented = parse(readFileSync('config/models.yaml', 'utf8')) as Record<string, Record<string, unknown>>;

/** Declares the contract's tests of every estimator of a part. */
export const bindContract = async (belongs: (estimator: Estimator) => boolean): Promise<void> => {
  const subjects = [];
  for (const [name, estimator] of Object.entries(estimators).filter(([, each]) => belongs(each)))
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
};
