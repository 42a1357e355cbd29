import { type Tensor, type Value } from './tensor.js';

/** What the pass needs of the engine. */
interface Operations {
  add(a: Tensor, b: Tensor): Tensor;
  constant(rows: number, columns: number, values: ArrayLike<number>): Tensor;
  zeros(rows: number, columns: number): Tensor;
  scope<T>(body: () => T): T;
  dispose(a: Tensor): void;
}

/** Everything `loss` was made from on the way from a parameter, newest first: a reverse topological order. */
const recordedBefore = (loss: Value): Value[] => {
  const seen = new Set<Value>([loss]);
  const open = [loss];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const input of value.origin?.inputs ?? []) {
      if (input.origin === undefined || seen.has(input)) continue;
      seen.add(input);
      open.push(input);
    }
  }
  return [...seen].sort((a, b) => b.origin!.sequence - a.origin!.sequence);
};

/**
 * Reverse-mode differentiation: one pass over the recording, newest first, that adds up each tensor's gradient and frees it
 * as soon as it has been passed on. Recording must be off.
 */
export const backward = (engine: Operations, loss: Value, parameters: readonly Value[]): Tensor[] => {
  const gradientOf = new Map<Value, Value>();
  const drop = (gradient: Value): void => {
    gradient.holders -= 1;
    if (gradient.holders === 0) engine.dispose(gradient);
  };
  const accumulate = (input: Value, gradient: Value): void => {
    const before = gradientOf.get(input);
    const after = before === undefined ? gradient : (engine.add(before, gradient) as Value);
    after.holders += 1;
    gradientOf.set(input, after);
    if (before === undefined) return;
    drop(before);
    if (gradient.holders === 0) engine.dispose(gradient);
  };

  accumulate(loss, engine.constant(1, 1, [1]) as Value);
  const order = loss.origin === undefined ? [] : recordedBefore(loss);
  for (const value of order) {
    const origin = value.origin!;
    const dy = gradientOf.get(value)!;
    const given = engine.scope(() => origin.backward(dy).filter((gradient) => gradient !== undefined));
    let next = 0;
    for (const input of origin.inputs) if (input.needsGradient) accumulate(input, given[next++] as Value);
    gradientOf.delete(value);
    drop(dy);
  }
  return parameters.map((parameter) => gradientOf.get(parameter) ?? engine.zeros(parameter.rows, parameter.columns));
};
