import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Calibration } from '../domain/calibration.js';
import { PolicySchema, type Policy } from '../domain/decision.js';
import type { Label } from '../domain/label.js';
import { tryToWrite } from './output-file.js';
import type { EvidenceCell } from '../scoring/ports.js';
import { decodeArtifacts } from '../models/artifact.js';
import { loadScoringModel, type ScoringModel } from '../scoring/scoring-model.js';
import { makeFolder } from '../store/make-folder.js';
import { contents, writeWholeFiles } from '../store/whole-files.js';
import type { TensorBackend } from '../tensor/backend.js';
import type { EvidenceKey } from '../training/dataset.js';
import type { RetrainReport } from '../training/retrain.js';
import { UsageError } from '../usage-error.js';

const MODEL = 'model.surprisal';
const CALIBRATION = 'calibration.json';
const POLICY = 'policy.json';
const REPORT = 'report.json';
const MEMORY = 'memory.json.gz';

/** What the line remembers after the last transaction that a model was fitted on: data that goes on from there starts warm. */
export interface LineMemory {
  readonly lastMs: number;
  readonly states: readonly { readonly entityId: string; readonly bytes: Uint8Array }[];
  readonly evidence: readonly EvidenceCell[];
  /** Labels that become known after `lastMs`, and the cells of their transactions. */
  readonly pendingLabels: readonly Label[];
  readonly fraudCells: readonly (readonly [string, EvidenceKey])[];
}

/** What `fit` writes and `score` reads; the report beside it is for people. */
export interface FittedModel {
  readonly memory: LineMemory;
  readonly model: ScoringModel;
  readonly calibration: Calibration;
  readonly policy: Policy;
}

/** Makes the folder where it is missing, before the training whose result it is to hold. @throws UsageError when it cannot be written */
export const prepareModelFolder = (folder: string): Promise<void> =>
  written(folder, async () => {
    makeFolder(folder);
    for (const name of [MODEL, CALIBRATION, POLICY, MEMORY, REPORT]) await tryToWrite(join(folder, name));
  });

/**
 * The whole model, or nothing of it: of an attempt that fails the model before stays. The calibration takes its place first and
 * the model last: a program that ends between the two leaves a folder whose parts do not belong together, which is refused.
 *
 * @throws UsageError when the folder cannot be written
 */
export const writeModelFolder = async (
  folder: string,
  parts: { artifact: Uint8Array; calibration: Calibration; policy: Policy; memory: LineMemory; report: RetrainReport },
): Promise<void> => {
  await prepareModelFolder(folder);
  await written(folder, async () =>
    writeWholeFiles(folder, {
      [CALIBRATION]: contents(JSON.stringify(parts.calibration)),
      [POLICY]: contents(JSON.stringify(parts.policy, null, 2)),
      [MEMORY]: contents(await encodeMemory(parts.memory)),
      [REPORT]: contents(JSON.stringify(parts.report, null, 2)),
      [MODEL]: contents(parts.artifact),
    }),
  );
};

const written = async (folder: string, write: () => Promise<void>): Promise<void> => {
  try {
    await write();
  } catch (error) {
    throw new UsageError(`the model cannot be written to ${folder}: ${(error as Error).message}`);
  }
};

/** The bytes of the folder's model. @throws UsageError when the folder holds none or a damaged one */
export const readModelArtifact = async (folder: string): Promise<Uint8Array> => {
  try {
    const bytes = await readFile(join(folder, MODEL));
    decodeArtifacts(bytes);
    return bytes;
  } catch (error) {
    throw unusable(folder, error);
  }
};

/** @throws UsageError when the folder holds no model or a damaged one */
export const readModelFolder = async (folder: string, backend: TensorBackend): Promise<FittedModel> => {
  try {
    const model = loadScoringModel(await readFile(join(folder, MODEL)), backend);
    const calibration = JSON.parse(await readFile(join(folder, CALIBRATION), 'utf8')) as Calibration;
    const policy = PolicySchema.parse(JSON.parse(await readFile(join(folder, POLICY), 'utf8')));
    if (calibration.model !== model.version)
      throw new Error(`its calibration is of model ${calibration.model}, its model is ${model.version}`);
    return { model, calibration, policy, memory: await decodeMemory(await readFile(join(folder, MEMORY))) };
  } catch (error) {
    throw unusable(folder, error);
  }
};

const unusable = (folder: string, error: unknown): UsageError => {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'expected a folder that "surprisal fit --out" wrote' : message;
  return new UsageError(`${folder} holds no usable model: ${reason}`);
};

interface StoredMemory extends Omit<LineMemory, 'states'> {
  readonly states: readonly (readonly [string, string])[];
}

const encodeMemory = (memory: LineMemory): Promise<Buffer> => {
  const states = memory.states.map(({ entityId, bytes }) => [entityId, Buffer.from(bytes).toString('base64')] as const);
  const stored: StoredMemory = { ...memory, states };
  return promisify(gzip)(JSON.stringify(stored));
};

const decodeMemory = async (bytes: Buffer): Promise<LineMemory> => {
  const stored = JSON.parse((await promisify(gunzip)(bytes)).toString('utf8')) as StoredMemory;
  return {
    ...stored,
    states: stored.states.map(([entityId, text]) => ({ entityId, bytes: Uint8Array.from(Buffer.from(text, 'base64')) })),
  };
};
