import type { Calibration } from './domain/calibration.js';
import type { Policy } from './domain/decision.js';
import { DAY_MS } from './domain/time.js';
import { calibrateIfDue, firstCalibration } from './scoring/calibrate-if-due.js';
import type { CalibrationStore, ModelStore } from './scoring/ports.js';
import type { WorkerPool } from './threads/worker-pool.js';

/** Refreshes (of two seconds) until one that failed is tried again: its artifact is read and loaded each time. */
const REFRESHES_ASIDE = 30;

export interface ChallengerStores {
  readonly models: ModelStore;
  readonly calibrations: CalibrationStore;
  /** The same calibrations, with the alerts counted that a challenger would have raised. */
  readonly shadowCalibrations: (version: string) => CalibrationStore;
}

interface Loaded {
  /** Of this policy. */
  calibration: Calibration | null;
  /** The newest, of whatever policy. */
  newestId: string | null;
}

/**
 * Keeps the scoring threads on the stored challengers and their newest calibrations. Whatever is wrong with one is said in
 * `problem`; the champion never notices.
 */
export class Challengers {
  readonly #loaded = new Map<string, Loaded>();
  /** What is wrong with each of which something is. */
  readonly #problems = new Map<string, string>();
  /** Refreshes until one that failed is tried again. */
  readonly #aside = new Map<string, number>();
  /** Event day for which each was last calibrated, or found with too few rows: once a day is enough to look. */
  readonly #lookedAt = new Map<string, number>();

  constructor(
    private readonly schema: string,
    private readonly stores: ChallengerStores,
    private readonly pool: WorkerPool,
    private readonly policy: Policy,
  ) {}

  /** What is wrong with which of them; null where nothing is. */
  get problem(): string | null {
    return this.#problems.size === 0 ? null : [...this.#problems].map(([version, why]) => `${version}: ${why}`).join('; ');
  }

  /** Those that score or should. */
  get count(): number {
    return this.#loaded.size + this.#aside.size;
  }

  /** Loads what came, drops what went. One that fails is tried again after a minute. */
  async refresh(): Promise<void> {
    const wanted = await this.stores.models.challengerVersions(this.schema);
    if (wanted.length === 0 && this.count === 0) return;
    for (const version of [...this.#loaded.keys(), ...this.#aside.keys()]) if (!wanted.includes(version)) this.#drop(version);
    // What a thread met while scoring.
    for (const [version, why] of this.pool.failedChallengers) if (this.#loaded.has(version)) this.#putAside(version, why);
    for (const version of wanted) {
      const left = (this.#aside.get(version) ?? 1) - 1;
      this.#aside.set(version, left);
      if (left > 0) continue;
      try {
        await this.#refreshOne(version);
        this.#aside.delete(version);
      } catch (error) {
        this.#putAside(version, (error as Error).message);
      }
    }
  }

  /** Builds each one's calibration of a new event day of its shadow scores, so that it takes over with one of its own. */
  async calibrate(eventNowMs: number): Promise<void> {
    const day = Math.floor(eventNowMs / DAY_MS);
    for (const [version, loaded] of this.#loaded) {
      if ((this.#lookedAt.get(version) ?? -Infinity) >= day) continue;
      try {
        await this.#calibrateOne(version, loaded, eventNowMs);
        this.#lookedAt.set(version, day);
        this.#problems.delete(version);
      } catch (error) {
        this.#problems.set(version, `its calibration of a new day failed: ${(error as Error).message}`);
      }
    }
  }

  async #calibrateOne(version: string, loaded: Loaded, eventNowMs: number): Promise<void> {
    const { calibration: current } = loaded;
    const store = this.stores.shadowCalibrations(version);
    const next = current
      ? await calibrateIfDue(store, current, this.policy, eventNowMs)
      : await firstCalibration(store, version, this.policy, Math.floor(eventNowMs / DAY_MS));
    if (!next || next.id === current?.id || this.#loaded.get(version) !== loaded) return;
    await this.pool.useChallenger(version, null, next);
    Object.assign(loaded, { calibration: next, newestId: next.id });
  }

  async #refreshOne(version: string): Promise<void> {
    const { models, calibrations } = this.stores;
    const loaded = this.#loaded.get(version);
    const newestId = await calibrations.latestId(version);
    if (loaded?.newestId === newestId) return;
    const newest = await calibrations.latest(version);
    // F's window was fused by one policy's ranking: under another it only scores until it has its own.
    const calibration = newest?.policy === this.policy.version ? newest : null;
    await this.pool.useChallenger(version, loaded ? null : (await models.load(version)).artifact, calibration);
    this.#loaded.set(version, { calibration, newestId });
    this.#problems.delete(version);
  }

  #putAside(version: string, why: string): void {
    this.#drop(version);
    this.#aside.set(version, REFRESHES_ASIDE);
    this.#problems.set(version, `does not score: ${why}`);
  }

  #drop(version: string): void {
    this.pool.dropChallenger(version);
    this.#loaded.delete(version);
    this.#aside.delete(version);
    this.#problems.delete(version);
    this.#lookedAt.delete(version);
  }
}
