/**
 * The last layer learns from a person's photos, pulled towards what it was. Why and how says Python's original,
 * src/fingerspell/live/adapting/refit.py; both are held to tests/golden/adapt.json.
 */

import type { Head } from "./head";
import { minimise } from "./lbfgs";

const SIZE = 6;
const [GIVEN, ABSENT] = [0.5, 2] as const;
export const PULLS = [0.3, 0.1, 0.03, 0.01] as const;
const TOLERANCE = 1e-7;

/** The same problem for every pull. Matrices lie row by row. */
export interface Task {
  /** (M, D + 1) photos, then anchors; a 1 last for the bias. */
  readonly inputs: Float64Array;
  readonly truth: readonly number[];
  readonly weights: readonly number[];
  /** (C, D + 1) */
  readonly shipped: Float64Array;
  readonly classes: number;
  /** D + 1. */
  readonly wide: number;
  readonly scale: number;
}

/** @param features of the person's photos, D each. @param truth place of each photo's label. */
export function taskOf(head: Head, features: readonly Float32Array[], truth: readonly number[]): Task {
  const { classes, size } = head;
  const length = Math.sqrt(
    features.reduce((sum, row) => sum + row.reduce((own, each) => own + each * each, 0), 0) / features.length,
  );
  const scale = length > 0 ? SIZE / length : 1;
  const seen = features.map((row) => Float64Array.from(row, (each) => each * scale));
  const weight = Float64Array.from(head.weight, (each) => each / (head.temperature * scale));
  const wide = size + 1;
  const shipped = new Float64Array(classes * wide);
  for (let row = 0; row < classes; row += 1) {
    shipped.set(weight.subarray(row * size, (row + 1) * size), row * wide);
    shipped[row * wide + size] = (head.bias[row] as number) / head.temperature;
  }
  const [anchors, serve] = anchorsOf(weight, classes, size, seen, truth);
  const counts = countsOf(truth, classes);
  const rows = [...seen, ...anchors];
  const inputs = new Float64Array(rows.length * wide);
  for (const [index, row] of rows.entries()) {
    inputs.set(row, index * wide);
    inputs[index * wide + size] = 1;
  }
  return {
    inputs,
    truth: [...truth, ...counts.keys()],
    weights: [
      ...truth.map((label) => 1 / ((counts[label] as number) * classes)),
      ...counts.map((count) => (serve ? (count > 0 ? GIVEN : ABSENT) / classes : 0)),
    ],
    shipped,
    classes,
    wide,
    scale,
  };
}

function countsOf(truth: readonly number[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of truth) counts[label] = (counts[label] as number) + 1;
  return counts;
}

/** One for each label, and whether they mean anything: not where photos do not lie along the weights. */
function anchorsOf(
  weight: Float64Array,
  classes: number,
  size: number,
  seen: readonly Float64Array[],
  truth: readonly number[],
): [Float64Array[], boolean] {
  const rows = Array.from({ length: classes }, (_, row) => weight.subarray(row * size, (row + 1) * size));
  const centre = mean(rows, size);
  const directions = rows.map((row) => row.map((each, at) => each - (centre[at] as number)));
  const given = [...new Set(truth)].sort((a, b) => a - b);
  const means = given.map((label) =>
    mean(
      seen.filter((_, index) => truth[index] === label),
      size,
    ),
  );
  const middle = mean(means, size);
  let along = 0;
  let total = 0;
  for (const [index, label] of given.entries()) {
    const own = means[index] as Float64Array;
    for (const [at, each] of (directions[label] as Float64Array).entries()) {
      along += ((own[at] as number) - (middle[at] as number)) * each;
      total += each * each;
    }
  }
  const reach = total > 0 ? along / total : 0;
  const far = Math.max(reach, 0);
  return [directions.map((row) => row.map((each, at) => (middle[at] as number) + far * each)), reach > 0];
}

function mean(rows: readonly Float64Array[], size: number): Float64Array {
  const sum = new Float64Array(size);
  for (const row of rows) for (let at = 0; at < size; at += 1) sum[at] = (sum[at] as number) + (row[at] as number);
  return sum.map((each) => each / rows.length);
}

/** The change (C, D + 1) of the shipped layer that solves the task; `start` is one to begin from. */
export function solve(task: Task, pull: number, start: Float64Array | null = null, tolerance = TOLERANCE) {
  const { inputs, truth, weights, shipped, classes, wide } = task;
  const shippedLogits = new Float64Array(truth.length * classes);
  for (let row = 0; row < truth.length; row += 1)
    multiply(shipped, inputs, row, wide, classes, shippedLogits, row, null);
  const logits = new Float64Array(classes);
  return minimise(
    (change, gradient) => {
      let value = 0;
      for (let at = 0; at < change.length; at += 1) {
        const each = change[at] as number;
        gradient[at] = pull * each;
        value += (pull / 2) * each * each;
      }
      for (let row = 0; row < truth.length; row += 1) {
        const weight = weights[row] as number;
        if (weight === 0) continue;
        multiply(change, inputs, row, wide, classes, logits, 0, shippedLogits);
        value += weight * missed(logits, truth[row] as number);
        for (let label = 0; label < classes; label += 1) {
          const by = weight * (logits[label] as number);
          const to = label * wide;
          const from = row * wide;
          for (let at = 0; at < wide; at += 1)
            gradient[to + at] = (gradient[to + at] as number) + by * (inputs[from + at] as number);
        }
      }
      return value;
    },
    start ?? new Float64Array(shipped.length),
    tolerance,
  );
}

/** out[place] = layer · input (+ what the shipped layer gives); one photo. */
function multiply(
  layer: Float64Array,
  inputs: Float64Array,
  row: number,
  wide: number,
  classes: number,
  out: Float64Array,
  place: number,
  plus: Float64Array | null,
): void {
  const from = row * wide;
  for (let label = 0; label < classes; label += 1) {
    let sum = plus === null ? 0 : (plus[row * classes + label] as number);
    const own = label * wide;
    for (let at = 0; at < wide; at += 1) sum += (layer[own + at] as number) * (inputs[from + at] as number);
    out[place * classes + label] = sum;
  }
}

/** Cross-entropy of one photo; its logits become its gradient: probabilities less the truth. */
function missed(logits: Float64Array, truth: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) largest = Math.max(largest, logit);
  const own = logits[truth] as number;
  let sum = 0;
  for (let label = 0; label < logits.length; label += 1) {
    const raised = Math.exp((logits[label] as number) - largest);
    logits[label] = raised;
    sum += raised;
  }
  for (let label = 0; label < logits.length; label += 1) logits[label] = (logits[label] as number) / sum;
  logits[truth] = (logits[truth] as number) - 1;
  return largest + Math.log(sum) - own;
}

/** Logits that the shipped layer with a change gives to features, already divided by the temperature. */
export function logitsOf(task: Task, change: Float64Array, features: Float32Array): Float64Array {
  const { classes, wide, shipped, scale } = task;
  const logits = new Float64Array(classes);
  for (let label = 0; label < classes; label += 1) {
    const bias = (label + 1) * wide - 1;
    let sum = (shipped[bias] as number) + (change[bias] as number);
    for (let at = 0; at < wide - 1; at += 1) {
      const own = label * wide + at;
      sum += ((shipped[own] as number) + (change[own] as number)) * (features[at] as number) * scale;
    }
    logits[label] = sum;
  }
  return logits;
}

/** The shipped layer with a change that `solve` gave. */
export function changed(head: Head, task: Task, change: Float64Array): Head {
  const { classes, size, temperature } = head;
  const weight = new Float32Array(classes * size);
  const bias = new Float32Array(classes);
  for (let label = 0; label < classes; label += 1) {
    const from = label * task.wide;
    for (let at = 0; at < size; at += 1)
      weight[label * size + at] =
        ((task.shipped[from + at] as number) + (change[from + at] as number)) * temperature * task.scale;
    bias[label] = ((task.shipped[from + size] as number) + (change[from + size] as number)) * temperature;
  }
  return { classes, size, weight, bias, temperature };
}
