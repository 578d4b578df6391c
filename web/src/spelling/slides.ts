/** Double letters without a rest: the hand keeps its sign, slides aside, and rests there; as `spelling/slides.py`. */

import type { Movement } from "./movement";

const MOVES = 0.03; // share of the box that moves while the hand slides
const STILL = 0.1; // seconds of rest that end a slide
const ASIDE = 0.08; // sides of the box at least
const LEVEL = 1.5; // times as far aside as up or down
const LONGEST = 0.8; // seconds; slower movements are drift

/** A quick movement aside that has come to rest: when it began and when the hand was last seen moving. */
export interface Slide {
  readonly began: number;
  readonly ended: number;
}

/** Watches for slides. */
export class SlideReader {
  #began: number | null = null;
  #ended = 0;
  #right = 0;
  #down = 0;

  /** Forget what moved. */
  reset(): void {
    this.#began = null;
  }

  /** Take in a frame's movement, null where there was none; returns a slide once it has come to rest. */
  step(seconds: number, movement: Movement | null): Slide | null {
    if (movement === null) return null;
    if (movement.share > MOVES) {
      if (this.#began === null) {
        this.#began = seconds;
        this.#right = 0;
        this.#down = 0;
      }
      this.#ended = seconds;
      this.#right += movement.right;
      this.#down += movement.down;
      return null;
    }
    if (this.#began === null || seconds - this.#ended < STILL) return null;
    const slide = { began: this.#began, ended: this.#ended };
    this.#began = null;
    const aside = Math.abs(this.#right) >= Math.max(ASIDE, LEVEL * Math.abs(this.#down));
    return aside && slide.ended - slide.began <= LONGEST ? slide : null;
  }
}
