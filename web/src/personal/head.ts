/** The last layer: features → probabilities. Python's original: src/fingerspell/core/head.py. */

import { readWeights } from "./weights";

/** probabilities = softmax((weight · features + bias) / temperature). */
export interface Head {
  /** Labels, C. */
  readonly classes: number;
  /** Features, D. */
  readonly size: number;
  /** (C, D), row by row. */
  readonly weight: Float32Array;
  /** (C,) */
  readonly bias: Float32Array;
  readonly temperature: number;
}

/** The last layer of a model.onnx; null where the file names none, as in bundles of format 1. */
export function readHead(model: Uint8Array, temperature: number): Head | null {
  const weight = readWeights(model, "head.weight");
  const bias = readWeights(model, "head.bias");
  const [classes, size] = weight?.shape ?? [];
  if (weight === null || bias === null || classes === undefined || size === undefined) return null;
  if (bias.values.length !== classes || !(temperature > 0)) return null;
  return { classes, size, weight: weight.values, bias: bias.values, temperature };
}

/** (D,) features → (C,) probabilities. */
export function probabilitiesOf(head: Head, features: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const logits = new Float64Array(head.classes);
  for (let row = 0; row < head.classes; row += 1) {
    let sum = head.bias[row] as number;
    for (let at = 0; at < head.size; at += 1)
      sum += (head.weight[row * head.size + at] as number) * (features[at] as number);
    logits[row] = sum / head.temperature;
  }
  return Float32Array.from(softmax(logits));
}

export function softmax(logits: Float64Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const raised = logits.map((logit) => Math.exp(logit - largest));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((each) => each / sum);
}
