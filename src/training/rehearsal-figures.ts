import { wilsonShare, type Share } from './wilson.js';

/** How one injected attack went. */
export interface AttackOutcome {
  readonly id: string;
  readonly scenario: string;
  readonly strength: number;
  readonly transactions: number;
  /** How many of them were alerted on. */
  readonly alerted: number;
  /** Up to and with the first that was alerted on: 1 is the first of the attack; null: none was. */
  readonly transactionsToAlert: number | null;
  /** From the attack's first transaction. */
  readonly minutesToAlert: number | null;
}

/** A scenario at one strength. */
export interface RehearsedCell {
  readonly scenario: string;
  readonly strength: number;
  /** Attacks with at least one alert: the detection power. */
  readonly detected: Share;
  /** Transactions alerted on. Those of an attack go together, so the interval is wider than what it states. */
  readonly transactions: Share;
  /** Medians over all attacks, an attack without an alert counting as never: null where half or more had none. */
  readonly medianMinutes: number | null;
  readonly medianTransactions: number | null;
}

/** In the order in which scenario and strength first appear. */
export const rehearsedCells = (outcomes: readonly AttackOutcome[]): RehearsedCell[] => {
  const cells = new Map<string, AttackOutcome[]>();
  for (const outcome of outcomes) {
    const key = `${outcome.scenario}/${outcome.strength}`;
    const cell = cells.get(key);
    if (cell) cell.push(outcome);
    else cells.set(key, [outcome]);
  }
  return [...cells.values()].map((cell) => {
    const sum = (value: (outcome: AttackOutcome) => number): number => cell.reduce((total, each) => total + value(each), 0);
    return {
      scenario: cell[0]!.scenario,
      strength: cell[0]!.strength,
      detected: wilsonShare(
        sum(({ alerted }) => (alerted > 0 ? 1 : 0)),
        cell.length,
      ),
      transactions: wilsonShare(
        sum(({ alerted }) => alerted),
        sum(({ transactions }) => transactions),
      ),
      medianMinutes: medianOrNever(cell.map(({ minutesToAlert }) => minutesToAlert)),
      medianTransactions: medianOrNever(cell.map(({ transactionsToAlert }) => transactionsToAlert)),
    };
  });
};

const medianOrNever = (values: readonly (number | null)[]): number | null => {
  const sorted = values.map((value) => value ?? Infinity).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return Number.isFinite(median) ? median : null;
};
