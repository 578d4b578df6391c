/** The least value of a smooth convex function. Python's original: src/fingerspell/live/adapting/lbfgs.py. */

const MEMORY = 12;
const MOST_STEPS = 2000;
const DECREASE = 1e-4;
const SHORTEST = 1e-12;

/** Value at a point; writes the gradient there into `gradient`. */
export type Slope = (point: Float64Array, gradient: Float64Array) => number;

interface Step {
  readonly moved: Float64Array;
  readonly turned: Float64Array;
  readonly curved: number;
}

/** Go downhill from `start` until the gradient's largest component is at most `tolerance`. */
export function minimise(slope: Slope, start: Float64Array, tolerance: number): Float64Array {
  let point = start.slice();
  let gradient = new Float64Array(start.length);
  let value = slope(point, gradient);
  const steps: Step[] = [];
  for (let step = 0; step < MOST_STEPS && largest(gradient) > tolerance; step += 1) {
    const direction = downhill(gradient, steps);
    const promised = dot(direction, gradient);
    let length = steps.length > 0 ? 1 : Math.min(1, 1 / gradient.reduce((sum, each) => sum + Math.abs(each), 0));
    const there = new Float64Array(point.length);
    const gradientThere = new Float64Array(point.length);
    let valueThere = Number.POSITIVE_INFINITY;
    for (; length > SHORTEST; length /= 2) {
      for (let at = 0; at < there.length; at += 1)
        there[at] = (point[at] as number) + length * (direction[at] as number);
      valueThere = slope(there, gradientThere);
      if (valueThere <= value + DECREASE * length * promised) break;
    }
    if (length <= SHORTEST) break;
    const moved = there.map((each, at) => each - (point[at] as number));
    const turned = gradientThere.map((each, at) => each - (gradient[at] as number));
    const curved = dot(turned, moved);
    if (curved > 0) {
      steps.push({ moved, turned, curved: 1 / curved });
      if (steps.length > MEMORY) steps.shift();
    }
    point = there;
    gradient = gradientThere;
    value = valueThere;
  }
  return point;
}

function downhill(gradient: Float64Array, steps: readonly Step[]): Float64Array {
  const direction = gradient.map((each) => -each);
  const weights: number[] = [];
  for (const { moved, turned, curved } of [...steps].reverse()) {
    const weight = curved * dot(moved, direction);
    weights.push(weight);
    add(direction, turned, -weight);
  }
  const last = steps.at(-1);
  if (last !== undefined) {
    const by = last.curved * dot(last.turned, last.turned);
    for (let at = 0; at < direction.length; at += 1) direction[at] = (direction[at] as number) / by;
  }
  for (const { moved, turned, curved } of steps) {
    const weight = weights.pop() as number;
    add(direction, moved, weight - curved * dot(turned, direction));
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] as number) * (b[at] as number);
  return sum;
}

function add(to: Float64Array, what: Float64Array, times: number): void {
  for (let at = 0; at < to.length; at += 1) to[at] = (to[at] as number) + times * (what[at] as number);
}

function largest(values: Float64Array): number {
  let found = 0;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
}
