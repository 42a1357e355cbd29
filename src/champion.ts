import type { Calibration } from './domain/calibration.js';
import type { Policy } from './domain/decision.js';
import type { CalibrationStore, ModelStore } from './scoring/ports.js';
import { readFeatureSet } from './scoring/scoring-model.js';
import { calibrateIfDue } from './schedule.js';
import type { WorkerPool } from './worker-pool.js';

/** How often a worker asks for a new champion or calibration. */
export const CHAMPION_POLL_MS = 2_000;

/** Keeps the scoring threads on the stored champion and its newest calibration. */
export class Champion {
  #version: string | null = null;
  #calibration: Calibration | null = null;

  constructor(
    private readonly schema: string,
    private readonly stores: { readonly models: ModelStore; readonly calibrations: CalibrationStore },
    private readonly pool: WorkerPool,
    private readonly policy: Policy,
  ) {}

  get version(): string | null {
    return this.#version;
  }

  get calibration(): Calibration | null {
    return this.#calibration;
  }

  /** Loads what changed. Answers false while there is no champion. */
  async refresh(): Promise<boolean> {
    const { models, calibrations } = this.stores;
    const version = await models.championVersion(this.schema);
    if (version === null) return false;
    if (version !== this.#version) {
      const champion = await models.champion(this.schema);
      if (!champion) return false;
      const featureSet = readFeatureSet(champion.artifact);
      const needs = { featureSet: featureSet.id, lookBackMs: featureSet.lookBackMs };
      this.#calibration = await calibrations.latest(champion.version.version);
      this.#version = champion.version.version;
      this.pool.useModel(champion.artifact, needs, { calibration: this.#calibration, policy: this.policy });
    } else if ((await calibrations.latestId(version)) !== (this.#calibration?.id ?? null)) {
      this.#calibration = await calibrations.latest(version);
      this.pool.useTerms({ calibration: this.#calibration, policy: this.policy });
    }
    return true;
  }

  /** Scores without deciding: for a history that the calibration says nothing about. */
  suspend(): void {
    this.pool.useTerms({ calibration: null, policy: this.policy });
  }

  /** Decides again by the calibration at hand. */
  resume(): void {
    this.pool.useTerms({ calibration: this.#calibration, policy: this.policy });
  }

  /** Builds the calibration of a new event day, once the day before has closed. */
  async calibrate(eventNowMs: number): Promise<void> {
    if (!this.#calibration) return;
    const next = await calibrateIfDue(this.stores.calibrations, this.#calibration, this.policy, eventNowMs);
    if (next.id === this.#calibration.id) return;
    this.#calibration = next;
    this.pool.useTerms({ calibration: next, policy: this.policy });
  }
}
