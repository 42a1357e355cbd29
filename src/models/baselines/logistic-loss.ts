import type { Engine, Tensor } from '../../tensor/engine.js';

/** Mean of -log P(label) = log(1 + e^logit) - label x logit over the chosen rows, [1,1]; `logits` is chosen rows x 1. */
export const logisticLoss = (engine: Engine, logits: Tensor, labels: Uint8Array, chosen: Uint32Array): Tensor => {
  const targets = engine.constant(
    chosen.length,
    1,
    Float32Array.from(chosen, (r) => labels[r]!),
  );
  return engine.mean(engine.sub(engine.softplus(logits), engine.mul(targets, logits)));
};
