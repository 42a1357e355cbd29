import type {
  AlertFilter,
  AlertView,
  Page,
  StreamStatus,
  TransactionDetail,
  TransactionFilter,
  TransactionView,
} from '../store/query-types.js';

export abstract class Queries {
  abstract listTransactions(filter: TransactionFilter): Promise<Page<TransactionView>>;
  abstract transaction(id: string): Promise<TransactionDetail | null>;
  abstract listAlerts(filter: AlertFilter): Promise<Page<AlertView>>;
  abstract alert(id: string): Promise<AlertView | null>;
  abstract alertsAfter(sequence: string, limit: number): Promise<readonly AlertView[]>;
  abstract status(): Promise<StreamStatus>;
}
