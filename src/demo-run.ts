import type { Champion } from './champion.js';
import { simulatedClock, type Clock } from './clock.js';
import { ConfigError, type Config } from './config.js';
import { alertLine, demoWorld, trainDemoChampion, type DemoSettings } from './demo.js';
import { DemoStream, DEMO_SOURCE } from './demo-stream.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import type { Log } from './log.js';
import { createProgress } from './cli/progress.js';
import { repeat } from './repeat.js';
import type { OnlineLine } from './scoring/score-transactions.js';
import { installChampion, type Stores } from './service-stores.js';

const SETTINGS_KEY = 'demo';
const LABELS_KEY = 'demo-labels-until';
const TICK_MS = 200;
const DEFAULT_SEED = 1;

interface DemoOptions {
  readonly config: Config;
  readonly options: { readonly seed?: number; readonly secondsPerDay?: number };
  readonly schema: TransactionSchema;
  readonly stores: Stores;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The demo in a database of its own: a world by seed, its first champion, its history, then the live stream. */
export class DemoRun {
  #clock: Clock | null = null;
  #stream: DemoStream | null = null;
  #timer: { stop(): Promise<void> } | null = null;
  readonly #historyEndMs: number;
  readonly #world: ReturnType<typeof demoWorld>;

  private constructor(
    private readonly given: DemoOptions,
    settings: DemoSettings,
    private labelsUntilMs: number,
  ) {
    this.#world = demoWorld(settings, given.schema);
    this.#historyEndMs = this.#world.historyEndMs;
    this.labelsUntilMs = Math.max(labelsUntilMs, this.#world.startMs);
  }

  /**
   * Makes what is missing: settings, first champion. A start that was cut off goes on where it was.
   *
   * @throws ConfigError when the database holds other data or a demo of another seed
   */
  static async open(given: DemoOptions): Promise<DemoRun> {
    const { stores, schema, config, log, signal } = given;
    const settings = await demoSettings(given);
    if ((await stores.models.championVersion(schema.name)) === null) {
      log.say(
        `demo world of seed ${settings.seed}: ${settings.customers} customers, ${settings.merchants} merchants, ${settings.historyDays} days of history`,
      );
      const progress = createProgress(process.stderr);
      try {
        const trained = await trainDemoChampion(settings, schema, config, {
          signal,
          onProgress: (step, { share, message }) => progress.report(step, share, message),
        });
        await installChampion(stores, trained, { by: 'demo', why: 'the first model of this world' });
      } finally {
        progress.stop();
      }
    }
    const labelsUntilMs = ((await stores.settings.get(LABELS_KEY)) as number | null) ?? 0;
    return new DemoRun(given, settings, labelsUntilMs);
  }

  /** Stands at the end of what was sent until the stream runs. */
  get clock(): Clock {
    return { now: () => this.#clock?.now() ?? Math.max(this.#historyEndMs, this.labelsUntilMs) };
  }

  /** Sends the history as fast as it goes, undecided; then the live stream on the simulated clock. */
  async start({ line, champion }: { readonly line: OnlineLine; readonly champion: Champion }): Promise<void> {
    const { stores, config, options, log, signal } = this.given;
    const next = await stores.offsets.sourcePosition(DEMO_SOURCE);
    this.#stream = new DemoStream(this.#world, line, stores.labels, { next, labelsUntilMs: this.labelsUntilMs });
    if (this.labelsUntilMs < this.#historyEndMs) await this.#sendHistory(champion);
    if (signal.aborted) return;
    const secondsPerDay = options.secondsPerDay ?? config.service.demo.secondsPerDay;
    log.say(
      `live stream: one day takes ${secondsPerDay} seconds; alerts follow (Ctrl-C stops, the next start goes on from here)`,
    );
    // A restart goes on where the next transaction is due: labels are stored less often.
    this.#clock = simulatedClock(Math.max(this.#historyEndMs, this.labelsUntilMs, this.#stream.nextOccurredAtMs), secondsPerDay);
    this.#timer = repeat(TICK_MS, () => this.#tick(champion), log.warnOf('demo stream'));
  }

  async stop(): Promise<void> {
    await this.#timer?.stop();
  }

  async #sendHistory(champion: Champion): Promise<void> {
    const progress = createProgress(process.stderr);
    const { startMs } = this.#world;
    champion.suspend();
    try {
      await this.#advance(this.#historyEndMs, (_alerts, atMs) => {
        progress.report('history through the online line', (atMs - startMs) / (this.#historyEndMs - startMs));
      });
      progress.report('history through the online line', 1);
    } finally {
      champion.resume();
      progress.stop();
    }
  }

  async #tick(champion: Champion): Promise<void> {
    await this.#advance(this.#clock!.now(), async (alerts, atMs) => {
      for (const alert of alerts) this.given.log.say(alertLine(alert));
      await champion.calibrate(atMs);
    });
  }

  async #advance(toMs: number, onBatch: Parameters<DemoStream['advanceTo']>[2]): Promise<void> {
    const stream = this.#stream!;
    const { config, signal, stores } = this.given;
    const delivered = await stream.advanceTo(toMs, config.service.scoring.batchSizeMax, onBatch, signal);
    this.labelsUntilMs = stream.labelsUntilMs;
    if (delivered > 0) await stores.settings.set(LABELS_KEY, this.labelsUntilMs);
  }
}

const demoSettings = async ({ config, options, stores }: DemoOptions): Promise<DemoSettings> => {
  const stored = (await stores.settings.get(SETTINGS_KEY)) as DemoSettings | null;
  if (stored !== null) {
    if (options.seed !== undefined && options.seed !== stored.seed)
      throw new ConfigError(
        `this database runs the demo of seed ${stored.seed}; for seed ${options.seed} set SURPRISAL_HOME to another folder`,
      );
    return stored;
  }
  if (await stores.settings.hasTransactions())
    throw new ConfigError('this database holds other transactions; the demo runs only in a database of its own');
  const { customers, merchants, historyDays } = config.service.demo;
  const settings = { seed: options.seed ?? DEFAULT_SEED, customers, merchants, historyDays };
  await stores.settings.set(SETTINGS_KEY, settings);
  return settings;
};
