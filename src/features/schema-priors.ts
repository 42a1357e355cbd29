import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { FeaturePriors } from './feature-priors.js';
import { fitPriors } from './priors.js';
import { HASHED_LEVELS } from './hashed-levels.js';

/**
 * x = log(1 + amount) of a payment by card: a mean of 44 units (euro area 2018, European Central Bank) and a spread of e^1.2 about
 * the median, as of everyday amounts. Good for currencies with amounts like the euro's; in others each entity's first few
 * amounts look high or low alike, which ranks, and its own habit outweighs one row of prior from the second payment on.
 */
const AMOUNT_MEAN = 3.1;
const AMOUNT_VARIANCE = 1.44;

/**
 * Constants of the features before any row was seen: hours alike, levels by their hash, Markov rates as before the first
 * label. A function of the schema alone.
 */
export const schemaPriors = (schema: TransactionSchema): FeaturePriors => {
  const empty = fitPriors(schema, [], [], 0);
  const amount = schema.amount ? { m0: AMOUNT_MEAN, v0: AMOUNT_VARIANCE } : { m0: empty.m0, v0: empty.v0 };
  const level = { share: 1 / HASHED_LEVELS.length, ...amount };
  return {
    ...empty,
    ...amount,
    levels: Object.fromEntries(schema.categorical.map(({ column }) => [column, HASHED_LEVELS])),
    categories: empty.categories && [...HASHED_LEVELS, null].map(() => level),
    hashed: true,
  };
};
