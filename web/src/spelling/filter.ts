/**
 * Which sign is shown, given all frames so far: the forward recursion of a hidden Markov model.
 *
 * The same as `spelling/filter.py`, where the source is named.
 */

import type { SpellingSettings } from "./settings";

const LOWEST = 1e-3; // of a probability: one wrong frame must not rule a sign out
const LONGEST_LOOK = 0.2; // seconds that one frame may speak for, however slow the camera

export class SignFilter {
  /** Over the labels and "between signs", which is the last; adds up to 1. */
  belief: Float64Array;
  readonly #settings: SpellingSettings;
  readonly #labels: number;

  constructor(labels: number, settings: SpellingSettings) {
    this.#labels = labels;
    this.#settings = settings;
    this.belief = new Float64Array(labels + 1);
    this.reset();
  }

  /** Nothing has been seen: between signs. */
  reset(): void {
    this.belief.fill(0);
    this.belief[this.#labels] = 1;
  }

  /** Take in a frame, `elapsed` seconds after the one before. */
  step(elapsed: number, probabilities: ArrayLike<number>): void {
    const { changes, looks, between } = this.#settings;
    const leave = 1 - Math.exp(-changes * elapsed);
    const look = looks * Math.min(elapsed, LONGEST_LOOK);
    const belief = this.belief.map((before, state) => {
      const expected = before * (1 - leave) + (leave * (1 - before)) / this.#labels;
      const likelihood = state === this.#labels ? between : Math.max(probabilities[state] as number, LOWEST);
      return expected * likelihood ** look;
    });
    const total = belief.reduce((sum, each) => sum + each, 0);
    this.belief = belief.map((each) => each / total);
  }
}
