import type { DataSource } from 'typeorm';
import type { Calibration } from './domain/calibration.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { decodeArtifacts } from './models/artifact.js';
import { featureSetOf } from './scoring/scoring-model.js';
import { PostgresCalibrationStore } from './store/calibration.store.js';
import { DeadLetterStore } from './store/dead-letter.store.js';
import { LabelStore } from './store/label.store.js';
import { PostgresModelStore } from './store/model.store.js';
import { PostgresOffsetStore } from './store/offset.store.js';
import { PostgresOutboxStore } from './store/outbox.store.js';
import { Queries } from './store/queries.js';
import { PostgresScoringStore } from './store/scoring.store.js';
import { SettingsStore } from './store/settings.store.js';

/**
 * Every store of one database and one transaction schema.
 *
 * @param publishes whether alerts are to leave on Kafka: without it the outbox stays empty
 */
export const createStores = (dataSource: DataSource, schema: TransactionSchema, publishes: boolean) => ({
  dataSource,
  scoring: new PostgresScoringStore(dataSource, schema, { publishes }),
  labels: new LabelStore(dataSource, schema),
  deadLetters: new DeadLetterStore(dataSource),
  calibrations: new PostgresCalibrationStore(dataSource),
  models: new PostgresModelStore(dataSource),
  offsets: new PostgresOffsetStore(dataSource),
  outbox: new PostgresOutboxStore(dataSource),
  settings: new SettingsStore(dataSource),
  queries: new Queries(dataSource, schema),
});
export type Stores = ReturnType<typeof createStores>;

/** Stores a trained model with its calibration and feature names, and makes it the champion of its schema. */
export const installChampion = async (
  stores: Stores,
  trained: {
    readonly version: string;
    readonly artifact: Uint8Array;
    readonly calibration: Calibration;
    readonly trainedAtMs: number;
    readonly report: object;
  },
): Promise<void> => {
  const { version, artifact, calibration, trainedAtMs } = trained;
  const { meta, checksum } = decodeArtifacts(artifact);
  const { id: featureSet, schema, columns } = featureSetOf(meta);
  await stores.models.saveFeatureSet(
    featureSet,
    columns.map((column) => column.name),
  );
  await stores.models.save(
    { version, schema: schema.name, featureSet, checksum, trainedAtMs, report: { ...trained.report } },
    artifact,
  );
  await stores.calibrations.save(calibration);
  await stores.models.promote(schema.name, version);
};
