import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Calibration } from './domain/calibration.js';
import { PolicySchema, type Policy } from './domain/decision.js';
import { loadScoringModel, type ScoringModel } from './scoring/scoring-model.js';
import type { TensorBackend } from './tensor/backend.js';
import type { RetrainReport } from './training/retrain.js';
import { UsageError } from './usage-error.js';

const MODEL = 'model.surprisal';
const CALIBRATION = 'calibration.json';
const POLICY = 'policy.json';
const REPORT = 'report.json';

/** What `fit` writes and `score` reads: model, calibration and the policy that it was made for, and figures for people. */
export interface FittedModel {
  readonly model: ScoringModel;
  readonly calibration: Calibration;
  readonly policy: Policy;
}

/** @throws UsageError when the folder cannot be written */
export const writeModelFolder = async (
  folder: string,
  parts: { artifact: Uint8Array; calibration: Calibration; policy: Policy; report: RetrainReport },
): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, MODEL), parts.artifact);
    await writeFile(join(folder, CALIBRATION), JSON.stringify(parts.calibration));
    await writeFile(join(folder, POLICY), JSON.stringify(parts.policy, null, 2));
    await writeFile(join(folder, REPORT), JSON.stringify(parts.report, null, 2));
  } catch (error) {
    throw new UsageError(`the model cannot be written to ${folder}: ${(error as Error).message}`);
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
    return { model, calibration, policy };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'expected a folder that "surprisal fit --out" wrote' : message;
    throw new UsageError(`${folder} holds no usable model: ${reason}`);
  }
};
