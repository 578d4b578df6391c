/**
 * Which hand signs, found out by comparing the picture with its mirror image; the same as `HandChooser` in
 * `fingerspell/live/hand.py`, decision for decision.
 *
 * A left hand is the mirror image of a right one. A recogniser that learnt from right hands is surer of a left hand's
 * picture once it is mirrored; one that learnt from both is as sure either way, and then nothing is mirrored.
 */

import type { Side } from "./types";

const ADVANTAGE = 3.0; // natural logarithm: twenty times as believable, over all that was seen
const MEMORY = 4.0; // seconds: what lies further back counts for little
const LOWEST = 1e-3;
const LOOKS = 5.0; // independent looks a second, as neighbouring frames are alike

export class HandChooser {
  /** Whether the mirrored answer counts; at first a right hand is expected. */
  mirrored = false;
  /** Which of the labels are signs. */
  readonly #signs: readonly boolean[];
  #evidence = 0;

  /** @param labels of the probabilities, in order. */
  constructor(labels: readonly string[]) {
    this.#signs = labels.map((label) => label !== "nothing");
  }

  /** The hand that is expected now. */
  get hand(): Side {
    return this.mirrored ? "left" : "right";
  }

  /**
   * Compare the answers to a frame and to its mirror image.
   *
   * @param elapsed seconds since the frame before.
   * @param plain of the labels, 0–1; likewise `mirrored`.
   */
  step(elapsed: number, plain: ArrayLike<number>, mirrored: ArrayLike<number>): void {
    const [one, other] = [this.#ofSigns(plain), this.#ofSigns(mirrored)];
    const shown = Math.min(sum(one), sum(other));
    const surer = Math.log(Math.max(LOWEST, ...other)) - Math.log(Math.max(LOWEST, ...one));
    this.#evidence = this.#evidence * Math.exp(-elapsed / MEMORY) + shown * surer * LOOKS * elapsed;
    if (Math.abs(this.#evidence) >= ADVANTAGE) this.mirrored = this.#evidence > 0;
  }

  #ofSigns(probabilities: ArrayLike<number>): number[] {
    return Array.from(probabilities).filter((_, index) => this.#signs[index]);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
