import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import type { ModelState } from '../../src/domain/model-version.js';
import type { VersionComparison } from '../../src/domain/version-comparison.js';
import type { DriftView } from '../../src/store/drift-view.js';
import type { ModelView, RoleChange } from '../../src/store/model-views.js';
import type { AlertPattern, AlertView, Page, TransactionView } from '../../src/store/query-types.js';
import type { TrainingRun, TrainingState } from '../../src/training/ports.js';

export class KeyRefused extends Error {
  override readonly message = 'The service does not accept this key';
}

/** Why something failed, in the words of the service where it gave some. */
export const reasonOf = (failure: unknown): string =>
  // What `fetch` throws without an answer is a TypeError, in each browser's own words.
  failure instanceof Error && !(failure instanceof TypeError) ? failure.message : 'The service cannot be reached';

/** Who asks for a change, for the log; no reason is no field. */
export interface AskedBy {
  readonly by: string;
  readonly why?: string;
}

/** What the page asks of the service; every call carries the key. */
export class Service {
  constructor(private readonly key: string) {}

  schema = (signal: AbortSignal): Promise<TransactionSchema> => this.json('/v1/schema', { signal });

  alerts = (signal: AbortSignal): Promise<Page<AlertView>> => this.json('/v1/alerts?limit=100', { signal });

  /** Alerts of a new type that have this in common, newest first. */
  alertsOfKind = (pattern: string, cursor: string | null, signal: AbortSignal): Promise<Page<AlertView>> => {
    const query = new URLSearchParams({ newType: 'true', pattern, limit: '100', ...(cursor !== null && { cursor }) });
    return this.json(`/v1/alerts?${query.toString()}`, { signal });
  };

  newTypes = (signal: AbortSignal): Promise<Page<AlertPattern>> =>
    this.json('/v1/alert-patterns?newType=true&limit=5', { signal });

  /** The last 40 transactions of an entity up to this moment, newest first. */
  history = (type: string, id: string, untilMs: number, signal: AbortSignal): Promise<Page<TransactionView>> => {
    const query = new URLSearchParams({ entity: `${type}:${id}`, to: new Date(untilMs + 1).toISOString(), limit: '40' });
    return this.json(`/v1/transactions?${query.toString()}`, { signal });
  };

  /** What the service says of a model that has no history; null: it has nothing to say. */
  noHistory = async (signal: AbortSignal): Promise<string | null> =>
    (await this.json<{ checks: Readonly<Record<string, string>> }>('/health/ready', { signal })).checks['history'] ?? null;

  label = async (transactionId: string, isFraud: boolean): Promise<void> => {
    await this.post('/v1/labels', { transactionId, isFraud, source: 'analyst' });
  };

  models = (state: ModelState, limit: number, signal: AbortSignal): Promise<Page<ModelView>> =>
    this.json(`/v1/models?state=${state}&limit=${limit}`, { signal });

  /** The log of role changes, newest first. */
  changes = (limit: number, signal: AbortSignal): Promise<Page<RoleChange>> =>
    this.json(`/v1/models/changes?limit=${limit}`, { signal });

  /** What two versions said of the same rows of the last seven days. */
  compare = (a: string, b: string, signal: AbortSignal): Promise<VersionComparison> =>
    this.json(`/v1/models/${encodeURIComponent(a)}/compare/${encodeURIComponent(b)}?days=7`, { signal });

  /** @param days the newest that were judged */
  drift = (days: number, signal: AbortSignal): Promise<DriftView> => this.json(`/v1/drift?days=${days}`, { signal });

  runs = (limit: number, signal: AbortSignal, state?: TrainingState): Promise<Page<TrainingRun>> =>
    this.json(`/v1/training-runs?limit=${limit}${state === undefined ? '' : `&state=${state}`}`, { signal });

  run = (id: string, signal: AbortSignal): Promise<TrainingRun> =>
    this.json(`/v1/training-runs/${encodeURIComponent(id)}`, { signal });

  retrain = (by: AskedBy): Promise<TrainingRun> => this.post('/v1/training-runs', by);
  cancel = (run: string, by: AskedBy): Promise<TrainingRun> => this.post(`/v1/training-runs/${run}/cancel`, by);
  retry = (run: string, by: AskedBy): Promise<TrainingRun> => this.post(`/v1/training-runs/${run}/retry`, by);
  rollback = (by: AskedBy): Promise<RoleChange> => this.post('/v1/models/rollback', by);

  /** @param expectedEpoch of the champion that was seen: another one by now refuses it */
  promote = (version: string, expectedEpoch: number, by: AskedBy): Promise<RoleChange> =>
    this.post(`/v1/models/${encodeURIComponent(version)}/promote`, { ...by, expectedEpoch });

  /** @throws KeyRefused on 401, Error with the problem's detail on every other failure */
  fetch = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    // A header cannot carry such a key, so it cannot be the right one.
    if (!/^[\x21-\x7e]+$/.test(this.key)) throw new KeyRefused();
    headers.set('Authorization', `Bearer ${this.key}`);
    const response = await fetch(path, { ...init, headers });
    if (response.status === 401) throw new KeyRefused();
    if (!response.ok) {
      const problem = (await response.json().catch(() => ({}))) as { detail?: string };
      throw new Error(problem.detail ?? `${path} answered ${response.status}`);
    }
    return response;
  };

  private post<T>(path: string, body: unknown): Promise<T> {
    return this.json(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
  }

  private async json<T>(path: string, init: RequestInit): Promise<T> {
    return (await (await this.fetch(path, init)).json()) as T;
  }
}
