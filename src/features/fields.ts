import { numericColumn, type FeatureColumn, type RiskDirection } from '../domain/feature-matrix.js';
import type { Transaction } from '../domain/transaction.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { FeaturePlan } from './plan.js';
import type { FeaturePriors } from './feature-priors.js';

/** The schema's own fields: numbers, levels, distances. Missing cells are NaN, levels not seen in training one past the last. */
export const fieldColumns = (schema: TransactionSchema, priors: FeaturePriors): FeatureColumn[] => [
  ...schema.numeric.map((field) => numericColumn(field.column, field.risk)),
  ...schema.categorical.map((field) => categoricalColumn(field.column, field.risk, priors.levels[field.column] ?? [])),
  ...(schema.features.distances ?? []).map((distance) => numericColumn(distance.name, distance.risk)),
];

const categoricalColumn = (name: string, risk: RiskDirection, levels: readonly string[]): FeatureColumn => ({
  name,
  field: name,
  kind: 'categorical',
  levels,
  risk,
});

export const writeFields = (out: Float32Array, at: number, plan: FeaturePlan, transaction: Transaction): number => {
  const { numeric, categorical } = transaction;
  for (let i = 0; i < numeric.length; i += 1) out[at + i] = numeric[i]!;
  at += numeric.length;
  for (let i = 0; i < categorical.length; i += 1) out[at + i] = levelOf(plan, i, categorical[i]!);
  at += categorical.length;
  for (let i = 0; i < plan.distances.length; i += 1) {
    const d = plan.distances[i]!;
    out[at + i] = greatCircleKm(
      numeric[d.fromLatitude]!,
      numeric[d.fromLongitude]!,
      numeric[d.toLatitude]!,
      numeric[d.toLongitude]!,
    );
  }
  return at + plan.distances.length;
};

/** Index of the level; the number of levels when it was not seen in training; NaN when missing. */
export const levelOf = (plan: FeaturePlan, field: number, value: string | null): number => {
  if (value === null) return NaN;
  const levels = plan.levelIndex[field]!;
  return levels.get(value) ?? levels.size;
};

const RADIANS = Math.PI / 180;
const EARTH_RADIUS_KM = 6371.0088;

/** Haversine formula; NaN when a coordinate is missing. */
export const greatCircleKm = (latitude1: number, longitude1: number, latitude2: number, longitude2: number): number => {
  const dLatitude = ((latitude2 - latitude1) * RADIANS) / 2;
  const dLongitude = ((longitude2 - longitude1) * RADIANS) / 2;
  const cosines = Math.cos(latitude1 * RADIANS) * Math.cos(latitude2 * RADIANS);
  const h = Math.sin(dLatitude) ** 2 + cosines * Math.sin(dLongitude) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, h)));
};
