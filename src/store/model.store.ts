import type { Repository } from 'typeorm';
import type { ModelVersion } from '../domain/model-version.js';
import { ModelStore, type StoredModel } from '../scoring/ports.js';
import { checkSignature, signatureOf } from './artifact-signature.js';
import type { Database } from './database.js';
import { ModelRefusedError, NotStoredError } from './state-conflict.js';
import { FeatureSets, ModelRoles, ModelVersions, type ModelVersionRow } from './tables-models.js';

const ARTIFACT_BYTES_MAX = 200_000_000;

export interface ArtifactTrust {
  /** Signs what is saved, and asks for a signature of what is loaded; null: neither. */
  readonly signingKey: string | null;
  /** What an artifact says of itself. @throws Error when it is damaged, or this build cannot use it */
  readonly inspect?: (artifact: Uint8Array) => { readonly version: string; readonly checksum: string };
}

export class PostgresModelStore extends ModelStore {
  constructor(
    private readonly database: Database,
    private readonly trust: ArtifactTrust = { signingKey: null },
  ) {
    super();
  }

  /** Saving the same version again changes nothing. @throws Error when the version is taken by another artifact */
  override async save(version: ModelVersion, artifact: Uint8Array): Promise<void> {
    if (artifact.length > ARTIFACT_BYTES_MAX)
      throw new RangeError(`artifact of ${version.version}: ${artifact.length} bytes are more than ${ARTIFACT_BYTES_MAX}`);
    const { origin } = version;
    const { signingKey } = this.trust;
    await this.database.query(
      `INSERT INTO model_versions (version, schema, feature_set, checksum, trained_at, report, artifact, signature,
         data_from, data_to, data_hash, schema_hash, parent, training_run, gate)
       VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb) ON CONFLICT DO NOTHING`,
      [
        ...[version.version, version.schema, version.featureSet, version.checksum, new Date(version.trainedAtMs)],
        JSON.stringify(version.report),
        Buffer.from(artifact.buffer, artifact.byteOffset, artifact.byteLength),
        signingKey === null ? null : signatureOf(signingKey, version.version, artifact),
        ...(origin ? [new Date(origin.dataFromMs), new Date(origin.dataToMs)] : [null, null]),
        ...[origin?.dataHash ?? null, origin?.schemaHash ?? null, origin?.parent ?? null, origin?.trainingRun ?? null],
        origin?.gate ? JSON.stringify(origin.gate) : null,
      ],
    );
    const stored = await this.#versions().findOne({ select: { checksum: true }, where: { version: version.version } });
    if (stored?.checksum !== version.checksum)
      throw new Error(`model version "${version.version}" is stored with another artifact: versions never change`);
  }

  override async championVersion(schema: string): Promise<string | null> {
    const role = await this.database.getRepository(ModelRoles).findOneBy({ schema, role: 'champion' });
    return role?.version ?? null;
  }

  override async challengerVersions(schema: string): Promise<readonly string[]> {
    const order = { since: 'ASC', version: 'ASC' } as const;
    const roles = await this.database.getRepository(ModelRoles).find({ where: { schema, role: 'challenger' }, order });
    return roles.map(({ version }) => version);
  }

  override async champion(schema: string): Promise<StoredModel | null> {
    const version = await this.championVersion(schema);
    return version === null ? null : this.load(version);
  }

  override async load(version: string): Promise<StoredModel> {
    const row = await this.#versions().findOneBy({ version });
    if (!row) throw new NotStoredError(`no model version "${version}" is stored`);
    return { version: versionOf(row), artifact: this.#trusted(row) };
  }

  /** Signs a stored version by the key at hand: one that was saved without a key, or by another. */
  async sign(version: string): Promise<void> {
    const { signingKey } = this.trust;
    if (signingKey === null) throw new Error('SURPRISAL_SIGNING_KEY is not set: there is nothing to sign with');
    const row = await this.#versions().findOneBy({ version });
    if (!row) throw new NotStoredError(`no model version "${version}" is stored`);
    const signature = signatureOf(signingKey, version, this.#undamaged(row));
    await this.database.query('UPDATE model_versions SET signature = $2 WHERE version = $1', [version, signature]);
  }

  /** Feature sets by which this database remembers primary entities. */
  async rememberedFeatureSets(): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }[]>('SELECT DISTINCT feature_set AS id FROM entity_states ORDER BY id');
    return rows.map((row) => row.id);
  }

  /** Column names of a feature set, so that stored vectors can be read. The id is a hash: it never means other columns. */
  async saveFeatureSet(id: string, columns: readonly string[]): Promise<void> {
    const values = { id, columns: [...columns] };
    await this.database.createQueryBuilder().insert().into(FeatureSets).values(values).orIgnore().execute();
  }

  #versions(): Repository<ModelVersionRow> {
    return this.database.getRepository(ModelVersions);
  }

  #trusted(row: ModelVersionRow): Uint8Array {
    const artifact = this.#undamaged(row);
    if (this.trust.signingKey !== null) checkSignature(this.trust.signingKey, row.version, artifact, row.signature);
    return artifact;
  }

  #undamaged({ version, artifact, checksum }: ModelVersionRow): Uint8Array {
    if (artifact === null) throw new ModelRefusedError(`model ${version} is retired, and its artifact was dropped`);
    const { inspect } = this.trust;
    if (!inspect) return artifact;
    const found = inspected(artifact, version, inspect);
    if (found.version !== version) throw new ModelRefusedError(`model ${version} holds the artifact of ${found.version}`);
    if (found.checksum === checksum) return artifact;
    throw new ModelRefusedError(`model ${version} was saved with the checksum ${checksum}, its artifact has ${found.checksum}`);
  }
}

const inspected = (artifact: Uint8Array, version: string, inspect: NonNullable<ArtifactTrust['inspect']>) => {
  try {
    return inspect(artifact);
  } catch (error) {
    throw new ModelRefusedError(`model ${version} cannot be used: ${(error as Error).message}`, { cause: error });
  }
};

const versionOf = (row: ModelVersionRow): ModelVersion => ({
  version: row.version,
  schema: row.schema,
  featureSet: row.featureSet,
  checksum: row.checksum,
  trainedAtMs: row.trainedAt.getTime(),
  report: row.report,
  ...(row.dataFrom &&
    row.dataTo && {
      origin: {
        dataFromMs: row.dataFrom.getTime(),
        dataToMs: row.dataTo.getTime(),
        dataHash: row.dataHash ?? '',
        schemaHash: row.schemaHash ?? '',
        parent: row.parent,
        trainingRun: row.trainingRun,
        gate: row.gate,
      },
    }),
});
