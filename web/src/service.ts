import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import type { AlertPattern, AlertView, Page, TransactionView } from '../../src/store/query-types.js';

/** The service does not accept this key. */
export class KeyRefused extends Error {}

/** What the page asks of the service; every call carries the key. */
export class Service {
  constructor(private readonly key: string) {}

  schema = (signal: AbortSignal): Promise<TransactionSchema> => this.json('/v1/schema', { signal });

  alerts = (signal: AbortSignal): Promise<Page<AlertView>> => this.json('/v1/alerts?limit=100', { signal });

  newTypes = (signal: AbortSignal): Promise<Page<AlertPattern>> =>
    this.json('/v1/alert-patterns?newType=true&limit=5', { signal });

  /** The last 40 transactions of an entity up to this moment, newest first. */
  history = (type: string, id: string, untilMs: number, signal: AbortSignal): Promise<Page<TransactionView>> => {
    const query = new URLSearchParams({ entity: `${type}:${id}`, to: new Date(untilMs + 1).toISOString(), limit: '40' });
    return this.json(`/v1/transactions?${query.toString()}`, { signal });
  };

  label = async (transactionId: string, isFraud: boolean): Promise<void> => {
    const body = JSON.stringify({ transactionId, isFraud, source: 'analyst' });
    await this.json('/v1/labels', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
  };

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

  private async json<T>(path: string, init: RequestInit): Promise<T> {
    return (await (await this.fetch(path, init)).json()) as T;
  }
}
