import type { DataSource, Repository } from 'typeorm';
import type { ModelVersion } from '../domain/model-version.js';
import { ModelStore } from '../scoring/ports.js';
import { CHAMPION_CHANNEL } from './notices.js';
import { FeatureSets, ModelRoles, ModelVersions, type ModelVersionRow } from './tables.js';

const ARTIFACT_BYTES_MAX = 200_000_000;

export class PostgresModelStore extends ModelStore {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  /** Saving the same version again changes nothing. @throws Error when the version is taken by another artifact */
  override async save(version: ModelVersion, artifact: Uint8Array): Promise<void> {
    if (artifact.length > ARTIFACT_BYTES_MAX)
      throw new RangeError(`artifact of ${version.version}: ${artifact.length} bytes are more than ${ARTIFACT_BYTES_MAX}`);
    await this.dataSource.query(
      `INSERT INTO model_versions (version, schema, feature_set, checksum, trained_at, report, artifact)
       VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7) ON CONFLICT DO NOTHING`,
      [
        version.version,
        version.schema,
        version.featureSet,
        version.checksum,
        new Date(version.trainedAtMs),
        JSON.stringify(version.report),
        Buffer.from(artifact.buffer, artifact.byteOffset, artifact.byteLength),
      ],
    );
    const stored = await this.#versions().findOne({ select: { checksum: true }, where: { version: version.version } });
    if (stored?.checksum !== version.checksum)
      throw new Error(`model version "${version.version}" is stored with another artifact: versions never change`);
  }

  override async championVersion(schema: string): Promise<string | null> {
    const role = await this.dataSource.getRepository(ModelRoles).findOneBy({ schema, role: 'champion' });
    return role?.version ?? null;
  }

  override async champion(schema: string): Promise<{ readonly version: ModelVersion; readonly artifact: Uint8Array } | null> {
    const version = await this.championVersion(schema);
    if (version === null) return null;
    const row = await this.#versions().findOneByOrFail({ version });
    return { version: versionOf(row), artifact: row.artifact };
  }

  override async promote(schema: string, version: string): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const promoted = await manager.query<unknown[]>(
        `INSERT INTO model_roles AS stored (schema, role, version, epoch)
         SELECT schema, 'champion', version, 1 FROM model_versions WHERE schema = $1 AND version = $2
         ON CONFLICT (schema, role) DO UPDATE SET version = excluded.version, epoch = stored.epoch + 1
         RETURNING epoch`,
        [schema, version],
      );
      if (promoted.length === 0) throw new Error(`no model version "${version}" is stored for schema "${schema}"`);
      await manager.query(`SELECT pg_notify($1, $2)`, [CHAMPION_CHANNEL, schema]);
    });
  }

  /** Feature sets by which this database remembers primary entities. */
  async rememberedFeatureSets(): Promise<readonly string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      'SELECT DISTINCT feature_set AS id FROM entity_states ORDER BY id',
    );
    return rows.map((row) => row.id);
  }

  /** Stored versions of a schema, newest first, without their artifacts. */
  async list(schema: string): Promise<readonly ModelVersion[]> {
    const rows = await this.#versions().find({
      select: { version: true, schema: true, featureSet: true, checksum: true, trainedAt: true, report: true },
      where: { schema },
      order: { trainedAt: 'DESC', version: 'ASC' },
    });
    return rows.map(versionOf);
  }

  /** Column names of a feature set, so that stored vectors can be read. The id is a hash: it never means other columns. */
  async saveFeatureSet(id: string, columns: readonly string[]): Promise<void> {
    const values = { id, columns: [...columns] };
    await this.dataSource.createQueryBuilder().insert().into(FeatureSets).values(values).orIgnore().execute();
  }

  #versions(): Repository<ModelVersionRow> {
    return this.dataSource.getRepository(ModelVersions);
  }
}

const versionOf = (row: ModelVersionRow): ModelVersion => ({
  version: row.version,
  schema: row.schema,
  featureSet: row.featureSet,
  checksum: row.checksum,
  trainedAtMs: row.trainedAt.getTime(),
  report: row.report,
});
