/**
 * From frame to frame: look around where the hand was, in the whole frame where it is not there, and smooth its box;
 * the same as `fingerspell/live/finding/follower.py`, number for number; tests/golden/finding.json holds both.
 */

import type { Finds, FoundHand } from "./finder";
import { OneEuro } from "./smoothing";
import { centreOf, type HandBox, longerOf, type Square, shared, squareAround } from "./square";
import type { Picture } from "./types";

/** Side of the window that is searched, as a multiple of the box's longer side. */
const AROUND = 2.4;
/** Seconds for which a hand that is not seen, as in a blurred frame, is taken to be where it was. */
const PATIENT = 0.25;
/** Seconds between looks at the whole frame while a hand is followed: it may be the wrong thing that is followed. */
const LOOK_ROUND = 0.7;

const KEEPS = 0.5; // of the threshold: a hand that was there is believed sooner than a new one
const SURER = 0.15; // so much surer must another place be to draw the follower away
const SAME = 0.2; // boxes that share less are two places
const STILL = 1.5; // 1€ filter: hertz
const QUICK = 4.0; // and hertz for each box side a second

export class HandFollower {
  readonly #finder: Finds;
  readonly #x = new OneEuro(STILL, QUICK);
  readonly #y = new OneEuro(STILL, QUICK);
  readonly #wide = new OneEuro(STILL, QUICK);
  readonly #high = new OneEuro(STILL, QUICK);
  #last: FoundHand | null = null;
  #seconds = 0;
  #seen = 0;
  #looked = 0;

  constructor(finder: Finds) {
    this.#finder = finder;
  }

  /**
   * Look at the next frame. Returns where the hand is, its box smoothed; null where there is none.
   *
   * @param seconds of this frame, never less than before.
   */
  async step(seconds: number, frame: Picture): Promise<FoundHand | null> {
    const elapsed = seconds - this.#seconds;
    this.#seconds = seconds;
    const found = await this.#look(seconds, frame);
    if (found === null) {
      if (this.#last === null || seconds - this.#seen > PATIENT) {
        this.#last = null;
        this.#forget();
      }
      return this.#last;
    }
    if (this.#last !== null && shared(found.box, this.#last.box) < SAME) this.#forget();
    this.#seen = seconds;
    this.#last = { box: this.#smooth(found.box, elapsed), score: found.score };
    return this.#last;
  }

  async #look(seconds: number, frame: Picture): Promise<FoundHand | null> {
    if (this.#last === null) {
      this.#looked = seconds;
      return this.#finder.find(frame, null);
    }
    const here = await this.#finder.find(frame, windowAround(this.#last.box), KEEPS * this.#finder.threshold);
    if (here !== null && seconds - this.#looked < LOOK_ROUND) return here;
    this.#looked = seconds;
    const anywhere = await this.#finder.find(frame, null);
    if (here === null || anywhere === null) return here ?? anywhere;
    const elsewhere = shared(anywhere.box, here.box) < SAME;
    return elsewhere && anywhere.score > here.score + SURER ? anywhere : here;
  }

  /** Middle and sides; speed counts in sides of the box, so that near and far hands are treated alike. */
  #smooth(box: HandBox, elapsed: number): HandBox {
    const [unit, centre] = [longerOf(box), centreOf(box)];
    const x = this.#x.step(centre[0], elapsed, unit);
    const y = this.#y.step(centre[1], elapsed, unit);
    const wide = this.#wide.step(box.right - box.left, elapsed, unit);
    const high = this.#high.step(box.bottom - box.top, elapsed, unit);
    return { left: x - wide / 2, top: y - high / 2, right: x + wide / 2, bottom: y + high / 2 };
  }

  #forget(): void {
    for (const each of [this.#x, this.#y, this.#wide, this.#high]) each.reset();
  }
}

/** Where a hand that was in this box is looked for. */
function windowAround(box: HandBox): Square {
  return squareAround(box, AROUND);
}
