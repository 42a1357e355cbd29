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
}
export type ModelRole = 'champion' | 'challenger';
