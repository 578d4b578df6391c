/**
 * J and Z, told by the path of the hand; the same as `spelling/strokes.py`.
 *
 * Z: a stroke to one side, one back and down, one to the first side again. J: from the shape of an I downward, then a
 * hook to a side or up again. Both are taken from either hand, and may be drawn with short rests in between.
 */

import type { Movement } from "./movement";

/** Letters that are drawn. */
export const STROKES: readonly string[] = ["J", "Z"];

const MOVES = 0.03; // share of the box that moves while something is drawn
const TURN = 0.04; // sides of the box: less is no change of direction
const Z = { width: 0.12, down: 0.06, seconds: 4.0, rest: 0.8 };
const J = { down: 0.1, hook: 0.1, seconds: 2.0, rest: 0.3 };
const J_SHAPE = 0.25; // mean probability of I or J, in the first `J_START` seconds of the way
const J_START = 0.2;
const EMPTY = 0.5; // mean probability of "nothing" along the way above which nobody drew anything
const PART_OF = 0.1; // mean probability of a sign that the hand shows while it draws

/** A letter that was drawn. */
export interface Stroke {
  readonly label: string;
  readonly began: number;
  readonly ended: number;
  /** How clearly it was drawn, 0.5 (just so) to 1. */
  readonly certainty: number;
  /** Mean probabilities of all labels on the way. */
  readonly shapes: Float64Array;
  /** Indices of the signs that the hand resembled on the way. */
  readonly shown: ReadonlySet<number>;
}

interface Point {
  readonly seconds: number;
  readonly right: number;
  readonly down: number;
}

interface Seen {
  readonly seconds: number;
  readonly elapsed: number;
  readonly probabilities: Float64Array;
}

/** Watches the path of the hand for a J or a Z. Letters that are not among the labels are not looked for. */
export class StrokeReader {
  readonly #labels: readonly string[];
  #right = 0;
  #down = 0;
  #moved = Number.NEGATIVE_INFINITY;
  #seen: Seen[] = [];
  #path: Point[] = [];
  #turns: Point[] = [];

  constructor(labels: readonly string[]) {
    this.#labels = labels;
  }

  /** Forget the path. */
  reset(): void {
    this.#right = 0;
    this.#down = 0;
    this.#moved = Number.NEGATIVE_INFINITY;
    this.#seen = [];
    this.#path = [];
    this.#turns = [];
  }

  /** Take in a frame. Returns the letter that has just been completed, or null. */
  step(seconds: number, elapsed: number, probabilities: Float64Array, movement: Movement | null): Stroke | null {
    this.#seen.push({ seconds, elapsed, probabilities });
    const first = this.#seen.findIndex((each) => each.seconds >= seconds - Z.seconds);
    this.#seen.splice(0, first);
    if (movement === null) return null;
    this.#right += movement.right;
    this.#down += movement.down;
    if (movement.share > MOVES) this.#moved = seconds;
    const here = { seconds, right: this.#right, down: this.#down };
    const stroke = this.#z(here) ?? this.#j(here);
    if (stroke !== null) {
      this.#path = [];
      if (stroke.label === "Z") this.#turns = [here]; // what began as a J may yet become a Z
    }
    return stroke;
  }

  /** Keep the points where the path turns back sideways; the last four of a Z stand where its corners are. */
  #z(here: Point): Stroke | null {
    if (here.seconds - this.#moved > Z.rest || this.#turns.length === 0) {
      this.#turns = [here];
      return null;
    }
    this.#turn(here);
    if (!this.#labels.includes("Z") || this.#turns.length < 4) return null;
    const [a, b, c, d] = this.#turns.slice(-4) as [Point, Point, Point, Point];
    const widths = [Math.abs(b.right - a.right), Math.abs(c.right - b.right), Math.abs(d.right - c.right)] as const;
    const downs = [b.down - a.down, c.down - b.down, d.down - c.down] as const;
    const flat = Math.max(Math.abs(downs[0]), Math.abs(downs[2])) < 0.8 * Math.max(widths[0], widths[2]);
    const quick = d.seconds - a.seconds < Z.seconds;
    const clearness = Math.min(Math.min(...widths) / Z.width, downs[1] / Z.down);
    if (clearness < 1 || !flat || !quick) return null;
    return this.#stroke("Z", a.seconds, here.seconds, clearness);
  }

  #turn(here: Point): void {
    const turns = this.#turns;
    const last = turns.at(-1) as Point;
    const before = turns.at(-2);
    if (before === undefined) {
      const away = Math.abs(here.right - last.right);
      if (away > TURN) turns.push(here);
      else if (away < TURN / 4) turns[0] = here; // not yet on its way: the stroke begins here
      return;
    }
    const further = (here.right - last.right) * Math.sign(last.right - before.right);
    if (further > 0) turns[turns.length - 1] = here;
    else if (further < -TURN) turns.push(here);
  }

  #j(here: Point): Stroke | null {
    if (here.seconds - this.#moved > J.rest) {
      this.#path = [];
      return null;
    }
    this.#path = this.#path.filter((point) => here.seconds - point.seconds <= J.seconds);
    this.#path.push(here);
    if (!this.#labels.includes("J")) return null;
    const downs = this.#path.map((point) => point.down);
    const bottom = Math.max(...downs);
    const lowest = downs.indexOf(bottom);
    const descent = bottom - Math.min(...downs.slice(0, lowest + 1));
    if (descent < J.down) return null;
    const top = Math.min(...downs);
    const bend = downs.findIndex((down) => down - top >= 0.7 * descent); // most of the way down
    const at = this.#path[Math.min(bend, lowest)] as Point;
    const hook = Math.max(bottom - here.down, Math.abs(here.right - at.right));
    if (hook < J.hook) return null;
    const began = (this.#path[0] as Point).seconds;
    if (this.#share(this.#mean(began, began + J_START), ["I", "J"]) < J_SHAPE) return null;
    return this.#stroke("J", began, here.seconds, Math.min(descent / J.down, hook / J.hook));
  }

  /** The stroke with what the hand looked like on the way. `clearness` is 1 for one that is just large enough. */
  #stroke(label: string, began: number, ended: number, clearness: number): Stroke | null {
    const shapes = this.#mean(began, ended);
    if (this.#share(shapes, ["nothing"]) > EMPTY) return null;
    const shown = new Set<number>();
    for (const [index, share] of shapes.entries()) if (share >= PART_OF) shown.add(index);
    return { label, began, ended, certainty: clearness / (1 + clearness), shapes, shown };
  }

  /** Mean of what was seen from one moment to another, each frame weighted by the time it stands for. */
  #mean(began: number, ended: number): Float64Array {
    let total = new Float64Array(this.#labels.length);
    let weight = 0;
    for (const { seconds, elapsed, probabilities } of this.#seen) {
      if (seconds < began || seconds > ended) continue;
      total = total.map((sum, index) => sum + (probabilities[index] as number) * elapsed);
      weight += elapsed;
    }
    return total.map((sum) => sum / Math.max(weight, 1e-9));
  }

  #share(shapes: Float64Array, wanted: readonly string[]): number {
    return this.#labels.reduce((sum, label, index) => (wanted.includes(label) ? sum + (shapes[index] ?? 0) : sum), 0);
  }
}
