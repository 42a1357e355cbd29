import type { FitContext } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';

/** One column as a discrete variable: the state of each row, 0..count-1, every one of them met. */
export interface States {
  readonly count: number;
  readonly of: Uint16Array;
}

export interface StructureSettings {
  readonly parentsMax: number;
}

/** A directed acyclic graph over columns. */
export interface Structure {
  /** Parents of each variable, ascending. */
  readonly parents: readonly (readonly number[])[];
  /** Variables, each after its parents. */
  readonly order: readonly number[];
}

/** Sum of n log n, over counts. */
const sumOfLogs = (counts: Float64Array): number => {
  let sum = 0;
  for (const n of counts) if (n > 0) sum += n * Math.log(n);
  return sum;
};

const configurationsOf = (states: readonly States[], parents: readonly number[]): number =>
  parents.reduce((product, p) => product * states[p]!.count, 1);

/** Log-likelihood of the child given its parents, at the maximum. Cost: one pass over the rows. */
const logLikelihood = (states: readonly States[], child: number, parents: readonly number[]): number => {
  const { count, of } = states[child]!;
  const configurations = configurationsOf(states, parents);
  const joint = new Float64Array(configurations * count);
  const margin = new Float64Array(configurations);
  for (let r = 0; r < of.length; r += 1) {
    let configuration = 0;
    for (const p of parents) configuration = configuration * states[p]!.count + states[p]!.of[r]!;
    joint[configuration * count + of[r]!]! += 1;
    margin[configuration]! += 1;
  }
  return sumOfLogs(joint) - sumOfLogs(margin);
};

/**
 * Bayesian information criterion of a family (Schwarz 1978): log-likelihood less log(n) / 2 a free parameter. -Infinity,
 * uncounted, where the penalty alone outweighs all that parents can explain.
 */
export const familyScore = (states: readonly States[], child: number, parents: readonly number[]): number => {
  const { count, of } = states[child]!;
  const penalty = 0.5 * Math.log(of.length) * (count - 1) * configurationsOf(states, parents);
  if (parents.length > 0 && penalty > of.length * Math.log(count)) return -Infinity;
  return logLikelihood(states, child, parents) - penalty;
};

/** What a parent tells of its child beyond the other parents (conditional mutual information), in nats a row. */
export const arrowStrength = (states: readonly States[], child: number, parents: readonly number[], parent: number): number =>
  (logLikelihood(states, child, parents) - logLikelihood(states, child, without(parents, parent))) / states[child]!.of.length;

/** Whether a directed path leads from one variable to another, other than the arrow `from` -> `to` itself where `indirect`. */
const reaches = (parents: readonly (readonly number[])[], from: number, to: number, indirect = false): boolean => {
  const waiting = parents[to]!.filter((p) => !(indirect && p === from));
  const met = new Set(waiting);
  for (let v = waiting.pop(); v !== undefined; v = waiting.pop()) {
    if (v === from) return true;
    for (const p of parents[v]!.filter((each) => !met.has(each))) {
      waiting.push(p);
      met.add(p);
    }
  }
  return false;
};

const without = (list: readonly number[], one: number): number[] => list.filter((other) => other !== one);
const withOne = (list: readonly number[], one: number): number[] => [...list, one].sort((a, b) => a - b);

/** Each variable after its parents; ties by index. */
const topologicalOrder = (parents: readonly (readonly number[])[]): number[] => {
  const placed = new Set<number>();
  while (placed.size < parents.length) for (const [v, of] of parents.entries()) if (of.every((p) => placed.has(p))) placed.add(v);
  return [...placed];
};

/**
 * Gains of adding (or, where it is there, removing) the arrow u -> v, at [v * size + u]. BIC decomposes over families, so a
 * change of v's parents changes row v alone, and turning an arrow is the sum of a removal and an addition.
 */
const gainsOf = (
  states: readonly States[],
  parents: readonly (readonly number[])[],
  v: number,
  { parentsMax }: StructureSettings,
): Float64Array => {
  const now = parents[v]!;
  const score = familyScore(states, v, now);
  return Float64Array.from(states, (_, u) => {
    if (u === v) return -Infinity;
    if (now.includes(u)) return familyScore(states, v, without(now, u)) - score;
    return now.length < parentsMax ? familyScore(states, v, withOne(now, u)) - score : -Infinity;
  });
};

interface Move {
  readonly kind: 'add' | 'remove' | 'turn';
  readonly from: number;
  readonly to: number;
  readonly gain: number;
}

/** The legal change of one arrow that raises the score most; of equal ones the first. */
const bestMove = (gains: readonly Float64Array[], parents: readonly (readonly number[])[], gainMin: number): Move | undefined => {
  let best: Move | undefined;
  const offer = (move: Move, legal: () => boolean): void => {
    if (move.gain > (best?.gain ?? gainMin) && legal()) best = move;
  };
  gains.forEach((row, to) =>
    row.forEach((gain, from) => {
      if (!parents[to]!.includes(from)) return offer({ kind: 'add', from, to, gain }, () => !reaches(parents, to, from));
      offer({ kind: 'remove', from, to, gain }, () => true);
      const turned = gain + gains[from]![to]!;
      offer({ kind: 'turn', from, to, gain: turned }, () => !reaches(parents, from, to, true));
    }),
  );
  return best;
};

/** Share of the work that scoring all pairs is; the rest are moves, whose number is not known before. */
const PAIRS_SHARE = 0.6;

/**
 * Greedy hill-climbing from the empty graph over arrows added, removed and turned, by BIC (Heckerman, Geiger & Chickering
 * 1995; Koller & Friedman 2009, 18.4). Arrows that only their direction tells apart score the same: read them as "goes
 * together", not as cause. Cost: about (columns^2 + moves x columns) passes over the rows.
 */
export const learnStructure = async (
  states: readonly States[],
  settings: StructureSettings,
  context: FitContext,
): Promise<Structure> => {
  const parents: (readonly number[])[] = states.map(() => []);
  const rowCount = states[0]?.of.length ?? 0;
  const gains: Float64Array[] = [];
  for (const v of states.keys()) {
    gains.push(gainsOf(states, parents, v, settings));
    await betweenSteps(
      context,
      (PAIRS_SHARE * (v + 1)) / states.length,
      `column ${v + 1} of ${states.length} against the others`,
    );
  }
  const movesExpected = states.length * settings.parentsMax;
  for (let moves = 1; ; moves += 1) {
    const move = bestMove(gains, parents, 1e-9 * rowCount);
    if (!move) return { parents, order: topologicalOrder(parents) };
    const { kind, from, to } = move;
    parents[to] = kind === 'add' ? withOne(parents[to]!, from) : without(parents[to]!, from);
    if (kind === 'turn') parents[from] = withOne(parents[from]!, to);
    for (const v of kind === 'turn' ? [to, from] : [to]) gains[v] = gainsOf(states, parents, v, settings);
    const share = PAIRS_SHARE + (1 - PAIRS_SHARE) * Math.min(1, moves / Math.max(1, movesExpected));
    await betweenSteps(context, share, `arrow ${moves}: ${kind}, BIC rises by ${move.gain.toFixed(1)}`);
  }
};
