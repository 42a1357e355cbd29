import { parseArgs } from 'node:util';

/** Fallback, smallest and largest value of an option that is a number. */
export type Range = readonly [fallback: number, low: number, high: number];

/** What may be given on the command line: `--rows 3000`, `--processes 1,2,4`, `--cpu-prof DIR`. */
interface Choices<Numbers extends string, Lists extends string, Texts extends string> {
  readonly numbers: Readonly<Record<Numbers, Range>>;
  /** Fallbacks; every entry is a whole number from 0 to a billion. */
  readonly lists?: Readonly<Record<Lists, readonly number[]>>;
  readonly texts?: readonly Texts[];
}

type Chosen<Numbers extends string, Lists extends string, Texts extends string> = Readonly<
  Record<Numbers, number> & Record<Lists, readonly number[]> & Partial<Record<Texts, string>>
>;

const number = (name: string, text: string, low: number, high: number, isWhole: boolean): number => {
  const value = Number(text);
  if (text !== '' && value >= low && value <= high && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(`--${name} ${text}: expected a ${isWhole ? 'whole ' : ''}number from ${low} to ${high}`);
};

/**
 * Numbers are whole, unless the fallback or the smallest value is not.
 *
 * @throws RangeError naming option, value and range; TypeError for an option that does not exist
 */
export const readOptions = <Numbers extends string, Lists extends string = never, Texts extends string = never>(
  choices: Choices<Numbers, Lists, Texts>,
): Chosen<Numbers, Lists, Texts> => {
  const ranges = Object.entries<Range>(choices.numbers);
  const lists = Object.entries<readonly number[]>(choices.lists ?? {});
  const names = [...ranges.map(([name]) => name), ...lists.map(([name]) => name), ...(choices.texts ?? [])];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])) });
  const chosen: Record<string, unknown> = { ...values };
  for (const [name, [fallback, low, high]] of ranges)
    chosen[name] = number(name, values[name] ?? String(fallback), low, high, Number.isInteger(fallback) && Number.isInteger(low));
  for (const [name, fallback] of lists) {
    const text = values[name];
    chosen[name] = text === undefined ? fallback : text.split(',').map((part) => number(name, part, 0, 1e9, true));
  }
  return chosen as Chosen<Numbers, Lists, Texts>;
};
