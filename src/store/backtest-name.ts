const NAME = /^surprisal_backtest_([1-9]\d{0,5})$/;

/** The database schema of the n-th backtest: never made of a user's text. */
export const backtestName = (n: number): string => `surprisal_backtest_${n}`;

/** Null: the name of something else. */
export const backtestNumber = (databaseSchema: string | undefined): number | null => {
  const n = NAME.exec(databaseSchema ?? '')?.[1];
  return n === undefined ? null : Number(n);
};
