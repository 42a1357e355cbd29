import { createHash } from 'node:crypto';
import { featureMatrix, selectColumns } from '../domain/feature-matrix.js';
import { NO_HISTORY } from '../domain/model-version.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { createFeatureSet } from '../features/catalog.js';
import { schemaPriors } from '../features/schema-priors.js';
import { UNSCALED } from '../features/usual.js';
import { knownTails } from '../models/tail.js';
import type { ScoringModel } from '../scoring/scoring-model.js';
import { priorDistribution } from './prior-distributions.js';

/** What is known of it. */
export const priorReport = (model: ScoringModel) => ({
  history: NO_HISTORY,
  prior: 'no history: channel T by the prior distributions of the features',
  columns: model.featureSet.tailColumns,
});

/**
 * A model from the transaction schema alone: the schema's features under prior constants, and channel T, whose tables are prior
 * distributions. Deterministic: the same schema gives the same bytes, whoever makes it.
 *
 * Null where the schema gives no column a direction of risk: then nothing can be said without rows.
 */
export const priorModel = (schema: TransactionSchema): ScoringModel | null => {
  const featureSet = createFeatureSet(schema, schemaPriors(schema));
  if (featureSet.tailColumns.length === 0) return null;
  const empty = featureMatrix(featureSet.columns, new Float32Array(0));
  const { columns } = selectColumns(empty, featureSet.tailColumns);
  return {
    version: `prior-${hashOf(schema)}`,
    featureSet,
    detectors: { T: knownTails(columns, (column) => priorDistribution(featureSet, column)) },
    platt: null,
    usualScales: UNSCALED,
    knownFraud: null,
    background: empty,
  };
};

const hashOf = (schema: TransactionSchema): string =>
  createHash('sha256').update(JSON.stringify(schema)).digest('hex').slice(0, 8);
