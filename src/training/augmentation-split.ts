import type { Random } from '../domain/random.js';
import { shuffledIndices } from '../models/fit-rows.js';
import type { AugmentSettings } from './augment-settings.js';

/** Real rows in order of time, their labels matured. */
export interface AugmentRows {
  /** 1 fraud, 0 legitimate. */
  readonly labels: Uint8Array;
  /** A number per row that rows of one primary entity share. */
  readonly entities: Int32Array;
  /** Never falling. */
  readonly occurredAtMs: ArrayLike<number>;
}

/** Row numbers, rising. Neither judging part has a row or an entity of the other. */
export interface AugmentationSplit {
  readonly earlier: Uint32Array;
  readonly choosing: Uint32Array;
  readonly confirming: Uint32Array;
  /** What a legitimate judging row stands for, where they were drawn. */
  readonly legitimateWeight: number;
}

/**
 * The last rows judge, of entities not yet known as compromised, as in `chooseMembers`: recognising those again is not what is
 * asked. Their entities go to either half by chance, the compromised ones evenly.
 *
 * @returns or a sentence that says why these rows cannot choose
 * @throws RangeError when the rows are not in order of time
 */
export const splitForAugmentation = (
  rows: AugmentRows,
  settings: AugmentSettings,
  random: Random,
): AugmentationSplit | string => {
  const { labels, entities, occurredAtMs } = rows;
  const count = labels.length;
  for (let r = 1; r < count; r += 1)
    if (!(occurredAtMs[r]! >= occurredAtMs[r - 1]!)) throw new RangeError(`row ${r} is earlier than the row before it`);
  let boundary = Math.floor((1 - settings.validationShare) * count);
  while (boundary > 0 && boundary < count && occurredAtMs[boundary] === occurredAtMs[boundary - 1]) boundary += 1;
  const all = [...labels.keys()];
  const before = all.slice(0, boundary);
  const known = before.filter((r) => labels[r] === 1);
  if (known.length < settings.fraudsMin)
    return `Nothing was tried: ${known.length} frauds to learn from; fewer than ${settings.fraudsMin} do not say what others look like.`;
  if (known.length === before.length) return 'Nothing was tried: there are only frauds to learn from.';
  const compromised = new Set(known.map((r) => entities[r]!));
  const later = all.slice(boundary).filter((r) => !compromised.has(entities[r]!));
  const fraudulent = new Set(later.filter((r) => labels[r] === 1).map((r) => entities[r]!));
  if (fraudulent.size < 2 * settings.judgedEntitiesMin)
    return `Nothing was tried: ${fraudulent.size} newly compromised entities to judge on; ${2 * settings.judgedEntitiesMin} are needed.`;
  const { rows: judging, weight } = limited(later, labels, settings.rowsMax, random.fork('judging rows'));
  const isChoosing = halfOf(judging, entities, fraudulent, random.fork('halves'));
  return {
    earlier: Uint32Array.from(limited(before, labels, settings.rowsMax, random.fork('earlier rows')).rows),
    choosing: Uint32Array.from(judging.filter((r) => isChoosing.has(entities[r]!))),
    confirming: Uint32Array.from(judging.filter((r) => !isChoosing.has(entities[r]!))),
    legitimateWeight: weight,
  };
};

/** All frauds, and legitimate rows drawn up to the limit; at least as many as there are frauds. */
const limited = (
  rows: readonly number[],
  labels: Uint8Array,
  rowsMax: number,
  random: Random,
): { rows: readonly number[]; weight: number } => {
  const legitimate = rows.filter((r) => labels[r] === 0);
  const frauds = rows.length - legitimate.length;
  const wanted = Math.max(frauds, rowsMax - frauds);
  if (legitimate.length <= wanted) return { rows, weight: 1 };
  const drawn = new Set(Array.from(shuffledIndices(legitimate.length, random).subarray(0, wanted), (i) => legitimate[i]!));
  return { rows: rows.filter((r) => labels[r] === 1 || drawn.has(r)), weight: legitimate.length / wanted };
};

const halfOf = (
  rows: readonly number[],
  entities: Int32Array,
  fraudulent: ReadonlySet<number>,
  random: Random,
): ReadonlySet<number> => {
  const every = [...new Set(rows.map((r) => entities[r]!))];
  const half = (of: readonly number[]): number[] =>
    Array.from(shuffledIndices(of.length, random).subarray(0, Math.ceil(of.length / 2)), (i) => of[i]!);
  return new Set([
    ...half(every.filter((entity) => fraudulent.has(entity))),
    ...half(every.filter((entity) => !fraudulent.has(entity))),
  ]);
};
