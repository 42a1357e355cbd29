import type { DataSource } from 'typeorm';
import type { Calibration } from './domain/calibration.js';
import type { ModelOrigin } from './domain/model-version.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { decodeArtifacts } from './models/artifact.js';
import { featureSetOf } from './scoring/scoring-model.js';
import { PostgresCalibrationStore } from './store/calibration.store.js';
import type { Database } from './store/database.js';
import { DeadLetterStore } from './store/dead-letter.store.js';
import { DriftStore } from './store/drift.store.js';
import { DriftRowReader } from './store/drift-rows.js';
import { LabelStore } from './store/label.store.js';
import { PostgresModelStore } from './store/model.store.js';
import { ModelRegistry } from './store/model-registry.js';
import { PostgresOffsetStore } from './store/offset.store.js';
import { PostgresOutboxStore } from './store/outbox.store.js';
import { Queries } from './store/queries.js';
import { PostgresScoringStore } from './store/scoring.store.js';
import type { ChangedBy } from './store/role-changes.js';
import { PostgresShadowStore, ShadowCalibrationStore } from './store/shadow.store.js';
import { SettingsStore } from './store/settings.store.js';
import { PostgresTrainingRunStore } from './store/training-run.store.js';
import { TrainingTriggers } from './store/training-triggers.js';
import type { DriftReference } from './training/drift/drift-reference.js';

/** @throws Error when the artifact is damaged, or needs other features than this build computes */
const inspect = (artifact: Uint8Array): { version: string; checksum: string } => {
  const { meta, checksum } = decodeArtifacts(artifact);
  featureSetOf(meta);
  return { version: String(meta['version']), checksum };
};

/** Versions, their roles, and the runs that make them. @param signingKey of artifacts; null: they are not signed */
export const createModelStores = (database: Database, signingKey: string | null) => {
  const models = new PostgresModelStore(database, { signingKey, inspect });
  return {
    models,
    registry: new ModelRegistry(database, models),
    calibrations: new PostgresCalibrationStore(database),
    drift: new DriftStore(database),
    runs: new PostgresTrainingRunStore(database),
  };
};
export type ModelStores = ReturnType<typeof createModelStores>;

/**
 * Every store of one database and one transaction schema.
 *
 * @param publishes whether alerts are to leave on Kafka: without it the outbox stays empty
 */
export const createStores = (
  dataSource: DataSource,
  schema: TransactionSchema,
  publishes: boolean,
  signingKey: string | null = null,
) => ({
  dataSource,
  scoring: new PostgresScoringStore(dataSource, schema, { publishes }),
  labels: new LabelStore(dataSource, schema),
  deadLetters: new DeadLetterStore(dataSource),
  shadowCalibrations: (version: string) => new ShadowCalibrationStore(dataSource, version),
  shadows: new PostgresShadowStore(dataSource),
  ...createModelStores(dataSource, signingKey),
  /** All that is done with the given stores, or nothing of it. */
  inTransaction: <T>(work: (stores: ModelStores) => Promise<T>): Promise<T> =>
    dataSource.transaction((manager) => work(createModelStores(manager, signingKey))),
  triggers: new TrainingTriggers(dataSource),
  driftRows: new DriftRowReader(dataSource),
  offsets: new PostgresOffsetStore(dataSource),
  outbox: new PostgresOutboxStore(dataSource),
  settings: new SettingsStore(dataSource),
  queries: new Queries(dataSource, schema),
});
export type Stores = ReturnType<typeof createStores>;

export interface TrainedModel {
  readonly version: string;
  readonly artifact: Uint8Array;
  /** Null: nothing is decided until the rows that it has scored make one. */
  readonly calibration: Calibration | null;
  readonly trainedAtMs: number;
  readonly report: object;
  readonly origin?: ModelOrigin;
  /** Absent: it is made of the first weeks that the model serves. */
  readonly driftReference?: DriftReference | null;
}

/** Stores a trained model with its calibration and feature names, as a candidate; answers its schema's name. */
export const storeModel = async (
  stores: Pick<ModelStores, 'models' | 'calibrations' | 'drift'>,
  trained: TrainedModel,
): Promise<string> => {
  const { version, artifact, calibration, trainedAtMs, report, origin, driftReference } = trained;
  const { meta, checksum } = decodeArtifacts(artifact);
  const { id: featureSet, schema, columns } = featureSetOf(meta);
  await stores.models.saveFeatureSet(
    featureSet,
    columns.map((column) => column.name),
  );
  const described = { version, schema: schema.name, featureSet, checksum, trainedAtMs, report: { ...report } };
  await stores.models.save({ ...described, ...(origin && { origin }) }, artifact);
  if (calibration) await stores.calibrations.save(calibration);
  if (driftReference) await stores.drift.saveReference(version, driftReference, 'training rows');
  return schema.name;
};

/** Stores a trained model and makes it the champion of its schema. @param expectedEpoch as of `ModelRegistry.promote` */
export const installChampion = (
  stores: Pick<Stores, 'inTransaction'>,
  trained: TrainedModel,
  by: ChangedBy,
  expectedEpoch?: number,
): Promise<void> =>
  stores.inTransaction(async (inside) => {
    const schema = await storeModel(inside, trained);
    await inside.registry.promote(schema, trained.version, by, expectedEpoch);
  });
