import type { TransactionSchema } from '../domain/transaction-schema.js';

export interface Readiness {
  readonly ok: boolean;
  /** One line per part of the service: "database": "ok", "model": "no champion yet". */
  readonly checks: Readonly<Record<string, string>>;
}

/** What the root passes to the HTTP door; type and injection token at once. */
export abstract class ApiSettings {
  abstract readonly apiKey: string;
  /** Folder of the built page (`web/dist`). */
  abstract readonly webRoot: string;
  abstract readonly schema: TransactionSchema;
  abstract readonly readiness: () => Promise<Readiness>;
  /** The service's clock, UTC epoch milliseconds; simulated in the demo. */
  abstract readonly now: () => number;
}
