import type { Alert } from '../../src/domain/alert.js';
import type { Label } from '../../src/domain/label.js';
import type { ScoredTransaction } from '../../src/domain/scored-transaction.js';
import type {
  AlertFilter,
  AlertPattern,
  AlertPatternFilter,
  AlertView,
  Page,
  StreamStatus,
  TransactionDetail,
  TransactionFilter,
  TransactionView,
} from '../../src/store/query-types.js';

/** What the store's queries answer, from memory: for the door's own behaviour, not the database's. */
export class MemoryQueries {
  readonly rows: { view: TransactionView; alert: Alert | null }[] = [];
  readonly alerts: Alert[] = [];
  readonly labels: Label[] = [];
  repeats = 0;
  deadLetters = 0;

  add(committed: readonly ScoredTransaction[], alerts: readonly Alert[]): void {
    for (const row of committed) {
      const alert = alerts.find((one) => one.transactionId === row.transaction.id) ?? null;
      this.rows.push({ view: viewOf(row), alert });
      if (alert) this.alerts.push(alert);
    }
  }

  private alertView(alert: Alert): AlertView {
    const label = this.labels.findLast((one) => one.transactionId === alert.transactionId);
    return {
      sequence: String(this.alerts.indexOf(alert) + 1),
      alert,
      label: label === undefined ? null : label.isFraud ? 'fraud' : 'legitimate',
    };
  }

  listTransactions(filter: TransactionFilter): Promise<Page<TransactionView>> {
    const views = this.rows
      .map((row) => row.view)
      .filter((view) => matches(view, filter))
      .filter((view) => (view.fused.minusLog10P ?? 0) >= (filter.minusLog10PMin ?? 0))
      .sort((a, b) => (a.occurredAt < b.occurredAt ? 1 : -1));
    return Promise.resolve(pageOf(views, filter));
  }

  transaction(id: string): Promise<TransactionDetail | null> {
    const row = this.rows.find((one) => one.view.id === id);
    const labels = this.labels.filter((label) => label.transactionId === id);
    return Promise.resolve(row ? { ...row.view, features: { log_amount: 3.2 }, alert: row.alert, labels } : null);
  }

  listAlerts(filter: AlertFilter): Promise<Page<AlertView>> {
    const found = this.alerts
      .filter((a) => matches(a, filter) && (filter.lane ?? a.lane) === a.lane && (filter.pattern ?? a.pattern) === a.pattern)
      .filter((a) => (filter.newType ?? a.novelty?.isNew === true) === (a.novelty?.isNew === true));
    return Promise.resolve(
      pageOf(
        found.reverse().map((a) => this.alertView(a)),
        filter,
      ),
    );
  }

  alertPatterns({ newType, limit }: AlertPatternFilter): Promise<Page<AlertPattern>> {
    const kinds = new Map<string, Alert[]>();
    for (const alert of this.alerts) {
      const kind = `${alert.novelty?.isNew === true}/${alert.pattern}`;
      kinds.set(kind, [...(kinds.get(kind) ?? []), alert]);
    }
    const items = [...kinds.values()].map((alerts): AlertPattern => {
      const times = alerts.map((alert) => alert.occurredAt).sort();
      const labels = alerts.map((alert) => this.alertView(alert).label);
      return {
        pattern: alerts[0]!.pattern,
        newType: alerts[0]!.novelty?.isNew === true,
        alerts: alerts.length,
        firstAt: times[0]!,
        lastAt: times.at(-1)!,
        frauds: labels.filter((label) => label === 'fraud').length,
        legitimate: labels.filter((label) => label === 'legitimate').length,
      };
    });
    const wanted = items.filter((item) => (newType ?? item.newType) === item.newType);
    return Promise.resolve({ items: wanted.sort((a, b) => b.alerts - a.alerts).slice(0, limit), nextCursor: null });
  }

  alert(id: string): Promise<AlertView | null> {
    const alert = this.alerts.find((one) => one.id === id);
    return Promise.resolve(alert ? this.alertView(alert) : null);
  }

  alertsAfter(sequence: string, limit: number): Promise<readonly AlertView[]> {
    const from = Number(sequence);
    return Promise.resolve(this.alerts.slice(from, from + limit).map((alert) => this.alertView(alert)));
  }

  status(): Promise<StreamStatus> {
    return Promise.resolve({
      transactions: this.rows.length,
      transactionsPerMinute: 1284,
      alerts: this.alerts.length,
      deadLetters: this.deadLetters,
      repeats: this.repeats,
      newestOccurredAt: this.rows.at(-1)?.view.occurredAt ?? null,
      alertRate: this.rows.length === 0 ? null : 0.0093,
      budget: 0.01,
      model: 'shop-20260301T000000Z-1a2b3c4d',
      calibration: 'shop-20260301T000000Z-1a2b3c4d/20513',
    });
  }
}

const matches = (view: TransactionView | Alert, filter: AlertFilter | TransactionFilter): boolean =>
  (filter.entity === undefined || view.entities[filter.entity.type] === filter.entity.id) &&
  Date.parse(view.occurredAt) >= (filter.fromMs ?? -Infinity) &&
  Date.parse(view.occurredAt) < (filter.toMs ?? Infinity) &&
  (filter.outcome ?? view.outcome) === view.outcome;

const pageOf = <T>(items: readonly T[], { cursor, limit }: { cursor?: string; limit: number }): Page<T> => {
  const from = Number(cursor ?? 0);
  return { items: items.slice(from, from + limit), nextCursor: from + limit < items.length ? String(from + limit) : null };
};

const viewOf = ({
  transaction,
  channels,
  fused,
  fraudProbability,
  decision,
  late,
  versions,
}: ScoredTransaction): TransactionView => ({
  id: transaction.id,
  occurredAt: new Date(transaction.occurredAtMs).toISOString(),
  entities: { customer: transaction.entities[0]!, merchant: transaction.entities[1]! },
  amount: (transaction.amountMinor / 100).toFixed(2),
  currency: transaction.currency,
  fields: {
    distanceKm: Number.isNaN(transaction.numeric[0]) ? null : transaction.numeric[0]!,
    category: transaction.categorical[0] ?? null,
  },
  channels,
  fused,
  fraudProbability,
  outcome: decision.outcome,
  late,
  versions,
});
