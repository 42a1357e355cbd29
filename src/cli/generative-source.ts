import { estimatorNamed } from './chosen-detectors.js';
import type { CommandIo } from './command-io.js';
import { loadSchema, type Config } from '../config.js';
import { openDataFile } from './data-file.js';
import { readHistory } from './data-history.js';
import { readTable, type DataTable } from './data-table.js';
import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { readModelFolder } from './model-folder.js';
import type { Detector } from '../models/detector.js';
import { estimators } from '../models/registry.js';
import { channelFeatures } from '../scoring/scoring-model.js';
import { createTensorBackend } from '../tensor-backend.js';
import { buildDataset } from '../training/dataset.js';
import { UsageError } from '../usage-error.js';

/** Where `sample` and `interpolate` take their model from: the density of a folder that `fit` wrote, or a fit on a table. */
export interface SourceOptions {
  readonly model?: string;
  readonly data?: string;
  readonly label?: string;
  readonly schema?: string;
  readonly detector?: string;
  readonly seed: number;
  readonly config?: string;
}

export interface GenerativeSource {
  readonly detector: Detector;
  /** Rows of the data in the detector's columns; none without data. */
  readonly features: FeatureMatrix | null;
  readonly ids: readonly string[];
}

export const DEFAULT_GENERATIVE = 'gaussian-mixture';

/**
 * @param check looks at the table before the fit, so that wrong use is said at once
 * @throws UsageError for a source that is missing, named twice or cannot be read
 */
export const openSource = async (
  options: SourceOptions,
  config: Config,
  io: CommandIo,
  check: (table: Pick<DataTable, 'features' | 'ids'>) => void = () => undefined,
): Promise<GenerativeSource> => {
  const backend = await createTensorBackend(config.tensorBackend, (line) => io.progress.note(line));
  if (options.model !== undefined) return readSource(options.model, options, backend, io);
  if (options.data === undefined) throw new UsageError('--model or --data is needed');
  const estimator = estimatorNamed(options.detector ?? DEFAULT_GENERATIVE);
  if (estimator.supervised || estimator.family !== 'generative')
    throw new UsageError(`detector ${estimator.name} draws no rows; there are ${GENERATIVE_NAMES}`);
  const schema = options.schema === undefined ? null : loadSchema(options.schema, options.config);
  const file = await openDataFile(options.data);
  // A schema's label is known of past rows only: a file may lack it.
  const known = schema?.label && file.header.includes(schema.label.column) ? schema.label.column : null;
  const request = { label: options.label ?? known, split: null, schema };
  const table = await readTable(file, null, request, (share) => io.progress.report('reading', share));
  for (const note of table.notes) io.progress.note(note);
  check(table);
  // A density of what is normal: known frauds stay out.
  const normal = [...table.labels.keys()].filter((r) => table.labels[r] === 0);
  const detector = await estimator.fit(
    { features: selectRows(table.features, normal) },
    {
      random: createRandom(options.seed).fork('fit'),
      backend,
      onProgress: ({ share, message }) => io.progress.report(estimator.name, share, message),
      ...(config.models[estimator.name] && { parameters: config.models[estimator.name] }),
    },
  );
  return { detector, features: table.features, ids: table.ids };
};

const readSource = async (
  folder: string,
  options: SourceOptions,
  backend: Awaited<ReturnType<typeof createTensorBackend>>,
  io: CommandIo,
): Promise<GenerativeSource> => {
  for (const name of ['label', 'schema', 'detector'] as const)
    if (options[name] !== undefined) throw new UsageError(`--${name} is for --data alone: the model of ${folder} has its own`);
  const { model } = await readModelFolder(folder, backend);
  const detector = model.detectors.D;
  if (!detector) throw new UsageError(`the model of ${folder} has no density (channel D)`);
  if (options.data === undefined) return { detector, features: null, ids: [] };
  const { featureSet } = model;
  const history = await readHistory(await openDataFile(options.data), featureSet.schema, false, (share) =>
    io.progress.report('reading', share),
  );
  const dataset = await buildDataset(
    featureSet,
    history.transactions,
    history.labels,
    { keepFromMs: -Infinity, keepToMs: Infinity },
    (share) => io.progress.report('features', share),
  );
  return {
    detector,
    features: channelFeatures(featureSet, 'D', dataset.features, detector.estimator),
    ids: dataset.transactions.map(({ id }) => id),
  };
};

/** What `--help` says of `--detector`. */
export const GENERATIVE_NAMES = Object.values(estimators)
  .filter(({ family, supervised }) => family === 'generative' && !supervised)
  .map(({ name }) => name)
  .join(', ');

/** Cells as a person writes them: a missing one is empty. */
export const cellTexts = ({ columns, values }: FeatureMatrix, row: number): (string | number)[] =>
  columns.map(({ kind, levels }, c) => {
    const cell = values[row * columns.length + c]!;
    if (Number.isNaN(cell)) return '';
    return kind === 'categorical' ? (levels[cell] ?? 'unseen') : Number(cell.toPrecision(7));
  });
