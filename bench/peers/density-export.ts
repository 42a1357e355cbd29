import { writeFile } from 'node:fs/promises';
import type { FeatureMatrix } from '../../src/domain/feature-matrix.js';
import { loadEncoder, encodeRows, isContinuous, type ColumnEncoder } from '../../src/models/column-encoder.js';
import { addApartTerms } from '../../src/models/density/apart-columns.js';
import { COMPONENTS, type NetworkLayout, networkInputs, networkLayout } from '../../src/models/density/autoregressive-network.js';
import type { Detector } from '../../src/models/detector.js';
import { loadWeights, saveWeights, type Weights } from '../../src/models/network-weights.js';

/**
 * The default D detector as another program can evaluate it: the network's weights, and of each row what the network and
 * the likelihood need. Encoding is done here: Python has no feature code.
 */
export class DensityExport {
  readonly #encoder: ColumnEncoder;
  readonly #layout: NetworkLayout;
  readonly #weights: Weights;

  /** @throws Error when D is not the autoregressive mixture */
  constructor(detector: Detector) {
    const artifact = detector.save();
    if (artifact.estimator !== 'autoregressive') throw new Error(`D is ${artifact.estimator}; expected autoregressive`);
    this.#encoder = loadEncoder(artifact);
    this.#layout = networkLayout(this.#encoder);
    this.#weights = loadWeights(artifact);
  }

  /** `PATH.json`: shapes and layout; `PATH.f32`: the weights, row-major, in the order of the shapes. */
  async write(path: string): Promise<void> {
    const { meta: shapes, values } = saveWeights(this.#weights);
    const { inputs, mixtures, outputs, columns } = this.#layout;
    const logits = columns.flatMap(({ logits: start, seenCount }) => (start >= 0 ? [[start, seenCount]] : []));
    const layout = { shapes, components: COMPONENTS, inputs, mixtures, outputs, logits };
    await writeFile(`${path}.json`, JSON.stringify(layout));
    await writeFile(`${path}.f32`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  /**
   * Of each row, as float32 in one piece: the network's inputs; z of each mixture; 1 where it counts; the output of each
   * discrete column's outcome, -1 for unseen ones; the terms that need no network.
   */
  carried(features: FeatureMatrix): Float32Array[] {
    const { columns, inputs, mixtures } = this.#layout;
    const rows = encodeRows(this.#encoder, features);
    const all = Array.from({ length: rows.rowCount }, (_, r) => r);
    const x = networkInputs(this.#encoder, this.#layout, rows, all, (r, c) => rows.z[r * rows.width + c]!);
    const apart = new Float64Array(rows.z.length);
    addApartTerms(this.#encoder, rows, apart);
    return all.map((r) => {
      const z = new Float32Array(mixtures);
      const counts = new Float32Array(mixtures);
      const chosen: number[] = [];
      let constant = apart.subarray(r * rows.width, (r + 1) * rows.width).reduce((sum, term) => sum + term, 0);
      for (const { index, mixture, logits, seenPosition } of columns) {
        const column = this.#encoder.columns[index]!;
        const outcome = rows.outcomes[r * rows.width + index]!;
        const position = seenPosition[outcome]!;
        if (mixture >= 0) z[mixture] = rows.z[r * rows.width + index]!;
        if (mixture >= 0 && isContinuous(column, outcome)) counts[mixture] = 1;
        if (logits >= 0) chosen.push(position < 0 ? -1 : logits + position);
        constant -= position < 0 ? column.logUnseen : column.logSeen;
      }
      return Float32Array.from([...x.subarray(r * inputs, (r + 1) * inputs), ...z, ...counts, ...chosen, constant]);
    });
  }
}
