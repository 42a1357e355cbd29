import { HOUR_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Transaction } from '../domain/transaction.js';

/** More of the newest rows are not looked at: an attack needs habits, not a history. */
const ROWS_MAX = 200_000;
const ROWS_PER_CUSTOMER_MAX = 200;
/** Fewer payments are no habit. */
const ROWS_PER_CUSTOMER_MIN = 5;
/** A field that keeps its value on this share of a customer's rows is his: his card, his year of birth. */
const OWN_FIELD_SHARE = 0.9;
/** So many customers and counterparts tell whose a field is; all would cost seconds where there are hundreds of fields. */
const GROUPS_MAX = 200;

/** A primary entity as its real rows show it. */
export interface ObservedCustomer {
  readonly id: string;
  /** Its newest payments, in event order. */
  readonly rows: readonly Transaction[];
  /** Median of its positive amounts, in minor units; 1 where the schema has no amount. */
  readonly medianMinor: number;
  readonly counterparts: ReadonlySet<string>;
  /** Middle of its three quietest hours in a row, UTC. */
  readonly quietHour: number;
}

/** What somebody who watched the stream would know of it: habits, counterparts, and which fields belong to whom. */
export interface ObservedStream {
  readonly schema: TransactionSchema;
  readonly rows: readonly Transaction[];
  /** Rows with a negative amount. */
  readonly refunds: readonly Transaction[];
  readonly customers: readonly ObservedCustomer[];
  readonly customerById: ReadonlyMap<string, ObservedCustomer>;
  /** Position of the counterpart in `Transaction.entities`; -1: none. */
  readonly counterpartIndex: number;
  readonly customersAt: ReadonlyMap<string, readonly ObservedCustomer[]>;
  /** Whether a field stays with the customer, whomever he pays: entities, numeric and categorical, in the schema's order. */
  readonly isOwn: {
    readonly entities: readonly boolean[];
    readonly numeric: readonly boolean[];
    readonly categorical: readonly boolean[];
  };
}

/** @param transactions real rows in event order; what attacks may draw on */
export const observeStream = (schema: TransactionSchema, transactions: readonly Transaction[]): ObservedStream => {
  const rows = transactions.slice(-ROWS_MAX);
  const counterpartName = schema.features.counterpartEntity ?? schema.entities[1]?.name;
  const counterpartIndex = schema.entities.findIndex((entity, i) => i > 0 && entity.name === counterpartName);
  const customers = schema.entities.length === 0 ? [] : observeCustomers(schema, rows, counterpartIndex);
  const customersAt = new Map<string, ObservedCustomer[]>();
  for (const customer of customers)
    for (const counterpart of customer.counterparts) {
      const known = customersAt.get(counterpart);
      if (known) known.push(customer);
      else customersAt.set(counterpart, [customer]);
    }
  return {
    schema,
    rows,
    refunds: rows.filter((row) => row.amountMinor < 0),
    customers,
    customerById: new Map(customers.map((customer) => [customer.id, customer])),
    counterpartIndex,
    customersAt,
    isOwn: ownFields(schema, rows, customers, counterpartIndex),
  };
};

const observeCustomers = (
  schema: TransactionSchema,
  rows: readonly Transaction[],
  counterpartIndex: number,
): ObservedCustomer[] => {
  const byId = new Map<string, Transaction[]>();
  for (const row of rows) {
    const own = byId.get(row.entities[0]!);
    if (own) own.push(row);
    else byId.set(row.entities[0]!, [row]);
  }
  return [...byId].flatMap(([id, all]) => {
    const own = all.slice(-ROWS_PER_CUSTOMER_MAX);
    const paid = own.map((row) => row.amountMinor).filter((minor) => minor > 0);
    if (own.length < ROWS_PER_CUSTOMER_MIN || (schema.amount && paid.length < ROWS_PER_CUSTOMER_MIN)) return [];
    return {
      id,
      rows: own,
      medianMinor: schema.amount ? paid.sort((a, b) => a - b)[paid.length >> 1]! : 1,
      counterparts: new Set(counterpartIndex < 0 ? [] : own.map((row) => row.entities[counterpartIndex]!)),
      quietHour: quietHourOf(own),
    };
  });
};

const quietHourOf = (rows: readonly Transaction[]): number => {
  const counts = new Float64Array(24);
  for (const { occurredAtMs } of rows) counts[Math.floor(occurredAtMs / HOUR_MS) % 24]! += 1;
  const around = counts.map((count, h) => count + counts[(h + 23) % 24]! + counts[(h + 1) % 24]!);
  return around.indexOf(Math.min(...around));
};

/** A field is the customer's where it follows him at least as closely as it follows the counterpart. */
const ownFields = (
  schema: TransactionSchema,
  rows: readonly Transaction[],
  customers: readonly ObservedCustomer[],
  counterpartIndex: number,
): ObservedStream['isOwn'] => {
  const byCustomer = customers.slice(0, GROUPS_MAX).map((customer) => customer.rows);
  const groups = new Map<string, Transaction[]>();
  if (counterpartIndex >= 0)
    for (const row of rows) {
      const of = groups.get(row.entities[counterpartIndex]!);
      if (!of) groups.set(row.entities[counterpartIndex]!, [row]);
      else if (of.length < ROWS_PER_CUSTOMER_MAX) of.push(row);
    }
  const byCounterpart = [...groups.values()].filter((of) => of.length >= ROWS_PER_CUSTOMER_MIN).slice(0, GROUPS_MAX);
  const isOwn = (value: (row: Transaction) => unknown): boolean => {
    const follows = agreement(byCustomer, value);
    return follows >= OWN_FIELD_SHARE && follows >= agreement(byCounterpart, value);
  };
  return {
    entities: schema.entities.map((_, i) => i === 0 || (i !== counterpartIndex && isOwn((row) => row.entities[i]))),
    numeric: schema.numeric.map((_, i) => isOwn((row) => row.numeric[i])),
    categorical: schema.categorical.map((_, i) => isOwn((row) => row.categorical[i])),
  };
};

/** Share of rows that hold their group's most frequent value; 0 for no groups. */
const agreement = (groups: readonly (readonly Transaction[])[], value: (row: Transaction) => unknown): number => {
  let agreeing = 0;
  let total = 0;
  for (const group of groups) {
    // A Map tells NaN (missing) from numbers, and finds it again.
    const counts = new Map<unknown, number>();
    for (const row of group) counts.set(value(row), (counts.get(value(row)) ?? 0) + 1);
    agreeing += Math.max(...counts.values());
    total += group.length;
  }
  return total === 0 ? 0 : agreeing / total;
};
