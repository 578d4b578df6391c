/**
 * How far the hand moved between two frames: block matching on small grey pictures.
 *
 * The same as `fingerspell/live/spelling/movement.py`, number for number; tests/golden/spelling.json holds both.
 */

export const SIDE = 48;
const BLOCK = 6;
const REACH = 10;
const SHIFTS = 2 * REACH + 1; // along a side
/** Seconds between two compared frames at least. */
const APART = 0.03;
/** Seconds for which a frame is compared with while nothing moved: slow movements are less than can be seen. */
const PATIENT = 0.12;

const BLOCKS = SIDE / BLOCK;
const CHANGED = 2 * BLOCK * BLOCK; // sum of differences of a block that may have moved: two levels a pixel
const WEIGHT = 20 * BLOCK * BLOCK; // a block's vote at most
const FAR = 0.15 * BLOCK * BLOCK; // what a pixel of shift costs: flat blocks fit everywhere

/** What moved since the frame that was compared. */
export interface Movement {
  /** Of the hand, in sides of the box, as the viewer sees it. */
  readonly right: number;
  readonly down: number;
  /** Of the box's blocks that moved, 0–1. */
  readonly share: number;
}

/** (height, width, 3) RGB, rows from the top. */
export interface Photo {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** Follows what moves in the box, frame by frame. */
export class MovementTracker {
  #before: Int32Array | null = null;
  #seconds = 0;

  /**
   * The movement since the frame that was compared with; none that can be seen is a share of 0. null at the first
   * frame, and while less than `APART` has passed: such a frame is skipped.
   */
  step(seconds: number, photo: Photo): Movement | null {
    if (this.#before === null) {
      this.#before = greyPicture(photo);
      this.#seconds = seconds;
      return null;
    }
    if (seconds - this.#seconds < APART) return null;
    const after = greyPicture(photo);
    const movement = compare(this.#before, after);
    if (movement.share === 0 && seconds - this.#seconds < PATIENT) return movement;
    this.#before = after;
    this.#seconds = seconds;
    return movement;
  }

  /** Forget the frame before. */
  reset(): void {
    this.#before = null;
  }
}

/** Mean of red, green and blue over each of 48×48 areas, rounded half up. */
export function greyPicture({ height, width, pixels }: Photo): Int32Array {
  const rows = areas(height);
  const columns = areas(width);
  const small = height < SIDE || width < SIDE; // an area is then less than a pixel: it takes the one it lies in
  const grey = new Int32Array(SIDE * SIDE);
  for (let row = 0; row < SIDE; row += 1) {
    const [top, tall] = rows[row] as Area;
    for (let column = 0; column < SIDE; column += 1) {
      const [left, wide] = columns[column] as Area;
      const [h, w] = small ? [1, 1] : [tall, wide];
      const area = 3 * h * w;
      grey[row * SIDE + column] = Math.floor((2 * sum(pixels, width, top, left, h, w) + area) / (2 * area));
    }
  }
  return grey;
}

/** Where an area begins along a side, and how long it is. */
type Area = readonly [number, number];

function areas(length: number): Area[] {
  const edge = (index: number) => Math.floor((index * length) / SIDE);
  return Array.from({ length: SIDE }, (_, index) => [edge(index), Math.max(edge(index + 1) - edge(index), 1)]);
}

function sum(pixels: Uint8Array, width: number, top: number, left: number, h: number, w: number): number {
  let total = 0;
  for (let row = top; row < top + h; row += 1) {
    const end = 3 * (row * width + left + w);
    for (let at = 3 * (row * width + left); at < end; at += 1) total += pixels[at] as number;
  }
  return total;
}

/** The movement between two (48, 48) grey pictures. */
export function compare(before: Int32Array, after: Int32Array): Movement {
  let [total, right, down, voters] = [0, 0, 0, 0];
  for (let row = 0; row < SIDE; row += BLOCK) {
    for (let column = 0; column < SIDE; column += BLOCK) {
      const still = difference(before, after, row, column, 0, 0);
      if (still <= CHANGED) continue;
      const costs = shiftCosts(before, after, row, column);
      const best = smallest(costs);
      const gain = still - (costs[best] as number);
      if (gain <= CHANGED) continue;
      const weight = Math.min(gain, WEIGHT);
      total += weight;
      right += finer(costs, best, best % SHIFTS, 1) * weight;
      down += finer(costs, best, Math.floor(best / SHIFTS), SHIFTS) * weight;
      voters += 1;
    }
  }
  if (total === 0) return { right: 0, down: 0, share: 0 };
  return { right: right / total / SIDE, down: down / total / SIDE, share: voters / BLOCKS ** 2 };
}

/** What each shift costs a block: (21, 21), rows from the farthest up, columns from the farthest left. */
function shiftCosts(before: Int32Array, after: Int32Array, row: number, column: number): Float64Array {
  const costs = new Float64Array(SHIFTS * SHIFTS);
  for (let down = -REACH; down <= REACH; down += 1) {
    for (let right = -REACH; right <= REACH; right += 1) {
      const far = FAR * Math.sqrt(down ** 2 + right ** 2);
      costs[(down + REACH) * SHIFTS + right + REACH] = difference(before, after, row, column, down, right) + far;
    }
  }
  return costs;
}

/** Index of the smallest value; the first of equal ones. */
function smallest(values: Float64Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) {
    if ((values[index] as number) < (values[best] as number)) best = index;
  }
  return best;
}

/**
 * Where between the whole shifts the cost is least, by a parabola through three of them, in pixels.
 *
 * @param best index of the best shift, which is number `place` of its row or column.
 * @param step from one shift of that row or column to the next.
 */
function finer(costs: Float64Array, best: number, place: number, step: number): number {
  if (place === 0 || place === SHIFTS - 1) return place - REACH;
  const [before, here, after] = [costs[best - step], costs[best], costs[best + step]] as [number, number, number];
  const curve = before - 2 * here + after;
  const part = curve > 0 ? (before - after) / (2 * curve) : 0;
  return place - REACH + Math.min(Math.max(part, -0.5), 0.5);
}

/** Sum of absolute differences of a block and the shifted one; beyond the picture its edge goes on. */
function difference(
  before: Int32Array,
  after: Int32Array,
  row: number,
  column: number,
  down: number,
  right: number,
): number {
  let total = 0;
  for (let r = row; r < row + BLOCK; r += 1) {
    const shifted = clamped(r + down) * SIDE;
    for (let c = column; c < column + BLOCK; c += 1) {
      total += Math.abs((after[shifted + clamped(c + right)] as number) - (before[r * SIDE + c] as number));
    }
  }
  return total;
}

function clamped(place: number): number {
  return Math.min(Math.max(place, 0), SIDE - 1);
}
