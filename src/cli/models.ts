import { Option, type Command } from 'commander';
import type { DataSource } from 'typeorm';
import { stringify } from 'yaml';
import { byOption, schemaNameOf, schemaOption, whyOption, withDatabase } from './command-database.js';
import { configOption, EXIT_CODES, wholeNumber, withProcessIo, writePage, type CommandIo } from './command-io.js';
import { registerCompare } from './models-compare.js';
import { loadConfig, type Config } from '../config.js';
import { isPriorVersion, type ModelState } from '../domain/model-version.js';
import { createModelStores } from '../service-stores.js';
import type { ModelRegistry } from '../store/model-registry.js';
import type { ModelDetail, ModelView, RoleChange } from '../store/model-views.js';
import { PAGE_MAX } from '../store/paging.js';
import type { PostgresModelStore } from '../store/model.store.js';
import { NotStoredError } from '../store/state-conflict.js';
import { UsageError } from '../usage-error.js';

interface Configured {
  readonly config?: string;
  readonly json?: boolean;
}

interface Changing extends Configured {
  readonly by: string;
  readonly why: string;
}

export interface ListOptions extends Configured {
  readonly schema?: string;
  readonly state?: ModelState;
  readonly limit: number;
  readonly cursor?: string;
}

export interface PromoteOptions extends Changing {
  readonly model?: string;
  readonly expectEpoch?: number;
}

export const register = (program: Command): void => {
  const models = program.command('models').description('stored model versions and their roles');
  models
    .command('list')
    .description('lists them, newest first')
    .addOption(schemaOption())
    .addOption(new Option('--state <state>', 'only those').choices(['candidate', 'challenger', 'champion', 'retired']))
    .option('--limit <n>', `versions a page, 1 to ${PAGE_MAX}`, wholeNumber(1, PAGE_MAX), 50)
    .option('--cursor <text>', 'the page after the one that ended with this')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: ListOptions) => withProcessIo((io) => list(options, loadConfig(options.config), io)));
  models
    .command('show')
    .description('one version: data, reports, verdict of the gate, changes of its role')
    .argument('<version>', 'model version')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((version: string, options: Configured) =>
      withProcessIo((io) => show(version, options, loadConfig(options.config), io)),
    );
  changing(models.command('promote'), 'makes a stored version the champion, or a model that "fit" wrote')
    .argument('[version]', 'stored model version')
    .option('--model <folder>', 'folder that "surprisal fit --out" wrote: it is stored with its calibration first')
    .option(
      '--expect-epoch <n>',
      'refuse when the champion has another epoch by now (models list shows it)',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .action((version: string | undefined, options: PromoteOptions) =>
      withProcessIo((io) => promote(version, options, loadConfig(options.config), io)),
    );
  changing(models.command('rollback'), 'makes the champion before the champion again; once more goes back once more')
    .addOption(schemaOption())
    .action((options: Changing & { schema?: string }) =>
      withProcessIo((io) =>
        change(options, loadConfig(options.config), io, async ({ registry, dataSource }) =>
          registry.rollback(await schemaNameOf(dataSource, options), options),
        ),
      ),
    );
  registerOfVersion(models);
  registerCompare(models);
};

const registerOfVersion = (models: Command): void => {
  const ofVersion = <O extends Changing>(
    command: Command,
    description: string,
    work: (given: Given, schema: string, version: string, options: O) => Promise<RoleChange>,
  ): Command =>
    changing(command, description)
      .argument('<version>', 'stored model version')
      .action((version: string, options: O) =>
        withProcessIo((io) =>
          change(options, loadConfig(options.config), io, async (given) =>
            work(given, (await known(given.registry, version)).schema, version, options),
          ),
        ),
      );
  ofVersion(models.command('challenge'), 'lets a version score beside the champion', ({ registry }, schema, version, options) =>
    registry.challenge(schema, version, options),
  );
  ofVersion(models.command('relieve'), "takes a challenger's role from it", ({ registry }, schema, version, options) =>
    registry.relieve(schema, version, options),
  );
  ofVersion<Changing & { dropArtifact?: boolean }>(
    models.command('retire').option('--drop-artifact', 'remove its bytes; reports and log stay'),
    'never uses a version again',
    ({ registry }, schema, version, options) => registry.retire(schema, version, options, options.dropArtifact),
  );
  models
    .command('sign')
    .description('signs a stored version with SURPRISAL_SIGNING_KEY, after a look at its checksum')
    .argument('<version>', 'stored model version')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((version: string, options: Configured) =>
      withProcessIo((io) => sign(version, options, loadConfig(options.config), io)),
    );
};

const changing = (command: Command, description: string): Command =>
  command
    .description(description)
    .addOption(byOption())
    .addOption(whyOption())
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES);

interface Given {
  readonly dataSource: DataSource;
  readonly models: PostgresModelStore;
  readonly registry: ModelRegistry;
}

const withStores = <T>(config: Config, io: CommandIo, work: (given: Given) => Promise<T>): Promise<T> =>
  withDatabase(config, io, (dataSource) => work({ dataSource, ...createModelStores(dataSource, config.signingKey) }));

const known = async (registry: ModelRegistry, version: string): Promise<ModelDetail> => {
  const model = await registry.one(version);
  if (!model) throw new NotStoredError(`there is no model version "${version}"; "surprisal models list" lists them`);
  return model;
};

/** The `models list` command. @throws UsageError for wrong use */
export const list = async (options: ListOptions, config: Config, io: CommandIo): Promise<void> => {
  const { schema, state, limit, cursor, json } = options;
  const page = await withStores(config, io, async ({ registry, dataSource }) =>
    registry.list({
      limit,
      ...(schema !== undefined && { schema: await schemaNameOf(dataSource, options) }),
      ...(state && { state }),
      ...(cursor !== undefined && { cursor }),
    }),
  );
  const header = ['version', 'state', 'epoch', 'trained', 'data to', 'run', 'signed', 'bytes'];
  await writePage(io, page, { json: json === true, header, cells });
};

const cells = (model: ModelView): string[] => [
  model.version,
  model.state,
  model.state === 'champion' ? String(model.epoch) : '-',
  model.trainedAt.slice(0, 19),
  model.data?.to.slice(0, 19) ?? (isPriorVersion(model.version) ? 'no history' : '-'),
  model.trainingRun ?? '-',
  model.isSigned ? 'yes' : 'no',
  model.artifactBytes === null ? 'dropped' : String(model.artifactBytes),
];

/** The `models show` command. @throws UsageError when there is none */
export const show = async (version: string, { json }: Configured, config: Config, io: CommandIo): Promise<void> => {
  const model = await withStores(config, io, ({ registry }) => known(registry, version));
  await io.write(json ? `${JSON.stringify(model)}\n` : stringify(model));
};

/** The `models promote` command. @throws UsageError for wrong use */
export const promote = async (
  version: string | undefined,
  options: PromoteOptions,
  config: Config,
  io: CommandIo,
): Promise<void> => {
  const { model: folder, expectEpoch, json } = options;
  if ((version === undefined) === (folder === undefined))
    throw new UsageError('models promote needs either a stored version or --model with the folder of a fitted one');
  if (version !== undefined)
    return change(options, config, io, async ({ registry }) =>
      registry.promote((await known(registry, version)).schema, version, options, expectEpoch),
    );
  if (expectEpoch !== undefined) throw new UsageError('--expect-epoch goes with a stored version');
  const { promoteFolder } = await import('./promote-folder.js');
  const promoted = await promoteFolder(folder!, config, options, (line) => io.progress.note(line));
  const { champion, schema, note } = promoted;
  await io.write(json ? `${JSON.stringify(promoted)}\n` : `${champion} is the champion of schema ${schema}; ${note}\n`);
};

/** A change of roles and what it says. */
const change = async (
  { json }: Changing,
  config: Config,
  io: CommandIo,
  work: (given: Given) => Promise<RoleChange>,
): Promise<void> => {
  const done = await withStores(config, io, work);
  await io.write(json ? `${JSON.stringify(done)}\n` : `${sentence(done)}\n`);
};

const sentence = ({ kind, version, replaced }: RoleChange): string => {
  if (kind === 'challenge') return `${version} is a challenger: it scores beside the champion`;
  if (kind === 'relieve') return `${version} is a challenger no more`;
  if (kind === 'retire') return `${version} is retired`;
  const before = replaced === null ? '' : ` in the place of ${replaced}`;
  return `${version} is the champion${kind === 'rollback' ? ' again' : ''}${before}`;
};

/** The `models sign` command. @throws UsageError without a key, or when there is no such version */
export const sign = async (version: string, { json }: Configured, config: Config, io: CommandIo): Promise<void> => {
  if (config.signingKey === null) throw new UsageError('models sign needs SURPRISAL_SIGNING_KEY, the key to sign with');
  await withStores(config, io, ({ models }) => models.sign(version));
  await io.write(json ? `${JSON.stringify({ signed: version })}\n` : `${version} is signed\n`);
};
