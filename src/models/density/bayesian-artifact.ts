import type { Artifact } from '../artifact.js';
import type { ColumnEncoder } from '../column-encoder.js';
import type { Arrow, Network } from './bayesian-fit.js';
import { familyView, type NetworkNode } from './bayesian-node.js';
import { stateCount, type StateColumn } from './conditional-table.js';
import { arrayOf } from './density-model.js';
import { mixtureLayout } from './mixture-components.js';

interface StoredNode {
  readonly index: number;
  readonly parents: readonly number[];
  readonly hasTable: boolean;
  /** 0: no mixture. */
  readonly components: number;
}

export const saveNetwork = ({ states, nodes, arrows }: Network): Pick<Artifact, 'meta' | 'arrays'> => ({
  meta: {
    arrows,
    edgeCounts: states.map(({ edges }) => edges.length),
    nodes: nodes.map(({ index, parents, counts, mixture }): StoredNode => ({
      index,
      parents,
      hasTable: counts.length > 0,
      components: mixture?.logWeights.length ?? 0,
    })),
  },
  arrays: {
    edges: Float64Array.from(states.flatMap(({ edges }) => [...edges])),
    nodes: Float64Array.from(
      nodes.flatMap(({ counts, mixture }) => [
        ...counts,
        ...(mixture ? [...mixture.logWeights, ...mixture.means, ...mixture.factors, ...mixture.logOutcomes] : []),
      ]),
    ),
  },
});

/** Hands out the next numbers of an array. */
const reader = (values: Float32Array | Float64Array): ((count: number) => Float64Array) => {
  let at = 0;
  return (count) => Float64Array.from(values.subarray(at, (at += count)));
};

export const loadNetwork = (encoder: ColumnEncoder, artifact: Artifact): Network => {
  const { meta } = artifact;
  const takeEdges = reader(arrayOf(artifact, 'edges'));
  const edgeCounts = meta['edgeCounts'] as number[];
  const states: StateColumn[] = encoder.columns.map((column, c) => ({ column, edges: takeEdges(edgeCounts[c]!) }));
  const take = reader(arrayOf(artifact, 'nodes'));
  const nodes = (meta['nodes'] as StoredNode[]).map(({ index, parents, hasTable, components: k }): NetworkNode => {
    const configurations = parents.reduce((product, p) => product * stateCount(states[p]!), 1);
    const counts = take(hasTable ? configurations * states[index]!.column.counts.length : 0);
    if (k === 0) return { index, parents, counts };
    const { dimensions: d, outcomeCount } = mixtureLayout(familyView(states, index, parents));
    const [logWeights, means, factors, logOutcomes] = [take(k), take(k * d), take(k * d * d), take(k * outcomeCount)] as const;
    return { index, parents, counts, mixture: { logWeights, means, factors, logOutcomes } };
  });
  return { states, nodes, arrows: meta['arrows'] as Arrow[] };
};
