/** A trained model and where it stands. `champion` decides, `challenger` scores in shadow, `candidate` was just trained. */
export interface ModelVersion {
  /** "demo-20260101T000000Z-1a2b3c4d": schema, time trained, first 8 hex digits of the artifact's checksum. */
  readonly version: string;
  readonly schema: string;
  readonly featureSet: string;
  readonly checksum: string;
  readonly trainedAtMs: number;
  /** What was measured on the later slice, and the data window; JSON. */
  readonly report: Readonly<Record<string, unknown>>;
  /** Absent: fitted from a file, or by an earlier build. */
  readonly origin?: ModelOrigin;
}

/** What a version comes from. */
export interface ModelOrigin {
  /** Event times of the rows that it was trained, calibrated and judged on. */
  readonly dataFromMs: number;
  readonly dataToMs: number;
  /** Of those rows. */
  readonly dataHash: string;
  /** Of the transaction schema. */
  readonly schemaHash: string;
  /** The champion that it was held against. */
  readonly parent: string | null;
  readonly trainingRun: string | null;
  /** What the gate found. */
  readonly gate: Readonly<Record<string, unknown>> | null;
}

/** `candidate`: just trained, or relieved; `retired`: never to be used again. */
export type ModelState = 'candidate' | 'challenger' | 'champion' | 'retired';

/** `history` in the report of a prior model, which has learned from no row. */
export const NO_HISTORY = 'none';

export const isPriorModel = ({ report }: Pick<ModelVersion, 'report'>): boolean => report['history'] === NO_HISTORY;

/** By the name that `priorModel` gives, where no report is at hand. */
export const isPriorVersion = (version: string): boolean => /^prior-[0-9a-f]{8}$/.test(version);
