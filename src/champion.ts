import { Challengers, type ChallengerStores } from './challengers.js';
import { ConfigError } from './config.js';
import type { Calibration } from './domain/calibration.js';
import type { Policy } from './domain/decision.js';
import { isPriorModel } from './domain/model-version.js';
import { recalibrate } from './scoring/calibrate-if-due.js';
import { calibrateSoFar } from './scoring/calibrate-so-far.js';
import { readFeatureSet } from './scoring/scoring-model.js';
import type { WorkerPool } from './threads/worker-pool.js';

/** How often a worker asks for a new champion or calibration. */
export const CHAMPION_POLL_MS = 2_000;

/** Keeps the scoring threads on the stored champion and its newest calibration, and on the challengers beside it. */
export class Champion {
  #version: string | null = null;
  #calibration: Calibration | null = null;
  #isPrior = false;
  /** Why the newest champion could not be loaded; the one before goes on. */
  #problem: string | null = null;
  readonly challengers: Challengers;

  constructor(
    private readonly schema: string,
    private readonly stores: ChallengerStores,
    private readonly pool: WorkerPool,
    private readonly policy: Policy,
  ) {
    this.challengers = new Challengers(schema, stores, pool, policy);
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** Version of the prior model that decides; null where a model of the stream does, or none. */
  get prior(): string | null {
    return this.#isPrior ? this.#version : null;
  }

  /** Rows of the calibration that decides; null: none does yet. */
  get calibrationRows(): number | null {
    return this.#calibration?.fused.n ?? null;
  }

  /**
   * Loads what changed. Answers false while there is no champion. A champion that cannot be loaded leaves the one before in
   * its place, says so in `problem`, and is tried again at the next call.
   *
   * @throws Error when there is none before; ConfigError when the calibration is of another policy and cannot be made anew
   */
  async refresh(): Promise<boolean> {
    const version = await this.stores.models.championVersion(this.schema);
    if (version === null) return false;
    if (version === this.#version) {
      this.#problem = null;
      await this.#refreshCalibration(version);
    } else await this.#load(version);
    await this.challengers.refresh();
    return true;
  }

  async #load(wanted: string): Promise<void> {
    try {
      const champion = await this.stores.models.champion(this.schema);
      if (!champion) return;
      const { version } = champion.version;
      const { id, lookBackMs } = readFeatureSet(champion.artifact);
      const calibration = await this.#ofThisPolicy(await this.stores.calibrations.latest(version));
      await this.pool.useModel(champion.artifact, { featureSet: id, lookBackMs }, { calibration, policy: this.policy });
      this.#calibration = calibration;
      this.#isPrior = isPriorModel(champion.version);
      this.#version = version;
      this.#problem = null;
    } catch (error) {
      if (this.#version === null) throw error;
      this.#problem = `champion ${wanted} cannot be loaded, ${this.#version} goes on: ${(error as Error).message}`;
    }
  }

  async #refreshCalibration(version: string): Promise<void> {
    const { calibrations } = this.stores;
    if ((await calibrations.latestId(version)) === (this.#calibration?.id ?? null)) return;
    this.#calibration = await this.#ofThisPolicy(await calibrations.latest(version));
    this.resume();
  }

  /** F's window was fused by one policy's ranking: another policy needs a calibration of its own. */
  async #ofThisPolicy(stored: Calibration | null): Promise<Calibration | null> {
    if (!stored || stored.policy === this.policy.version) return stored;
    // The next one of the rows so far is of this policy.
    if (stored.isProvisional) return null;
    const made = await recalibrate(this.stores.calibrations, stored, this.policy);
    if (made) return made;
    throw new ConfigError(
      `the calibration of ${stored.model} is of policy ${stored.policy}, the configuration has ${this.policy.version}, ` +
        'and too few scores are stored to make another: fit the model under this policy, or set the policy back',
    );
  }

  /** Scores without deciding: for a history that the calibration says nothing about. */
  suspend(): void {
    this.pool.useTerms({ calibration: null, policy: this.policy });
  }

  /** Decides by the calibration at hand. */
  resume(): void {
    this.pool.useTerms({ calibration: this.#calibration, policy: this.policy });
  }

  /** Builds the calibrations of a new event day, once the day before has closed. */
  async calibrate(eventNowMs: number): Promise<void> {
    await this.#calibrateChampion(eventNowMs);
    await this.challengers.calibrate(eventNowMs);
  }

  async #calibrateChampion(eventNowMs: number): Promise<void> {
    const current = this.#calibration;
    if (this.#version === null) return;
    const next = await calibrateSoFar(this.stores.calibrations, this.#version, current, this.policy, eventNowMs);
    // A champion that was loaded meanwhile has a calibration of its own.
    if (!next || next.id === current?.id || next.model !== this.#version) return;
    this.#calibration = next;
    this.resume();
  }
}
