/**
 * What of a frame is recognised, and where movement is watched; the same as `fingerspell/live/finding/aim.py`, number
 * for number; tests/golden/finding.json holds both.
 *
 * The hand is cut out wherever it goes, so in what is cut out it hardly moves. Its path is what tells J and Z, so
 * movement is watched in a square that rests: around the place where the hand was first seen, and moved only when the
 * hand has left its middle and stays away.
 */

import type { Size } from "../camera/box";
import type { Finds, FoundHand } from "./finder";
import { HandFollower } from "./follower";
import { centreOf, type HandBox, longerOf, type Square, squareAround, viewOf, whole } from "./square";
import type { Picture } from "./types";

/** Side of the watched square, as a multiple of the hand's: as large as the box that a user would draw for J and Z. */
const WATCHED = 2.2;
const INNER = 0.28; // of the watched square's side: the hand's middle may be so far from its middle
const AWAY = 0.4; // seconds that it may be further away: longer than any stroke's end
const GREW = 1.6; // so many times larger or smaller than at first, and the square is no more of its size

/** What to do with a frame. */
export interface Aimed {
  /** The hand; null where there is none. */
  readonly photo: Square | null;
  /** What movement is to be looked for in. */
  readonly watched: Square;
  /** Whether `watched` is another place than in the frame before. */
  readonly jumped: boolean;
  readonly hand: FoundHand | null;
}

/** Of one stream of frames. */
export class Aim {
  readonly #finder: Finds;
  readonly #follower: HandFollower;
  #watched: Square | null = null;
  #size = 0; // of the hand when the square was laid
  #near = 0; // seconds: when the hand was last near the square's middle

  constructor(finder: Finds) {
    this.#finder = finder;
    this.#follower = new HandFollower(finder);
  }

  /**
   * Look at the next frame.
   *
   * @param seconds never less than before.
   */
  async step(seconds: number, frame: Picture): Promise<Aimed> {
    const hand = await this.#follower.step(seconds, frame);
    const before = this.#watched;
    if (hand !== null) this.#watch(seconds, hand.box, frame);
    else if (before === null || before.left + before.side > frame.width || before.top + before.side > frame.height) {
      this.#watched = whole(frame);
    }
    const watched = this.#watched ?? whole(frame);
    const jumped = before !== null && !same(watched, before);
    return { photo: hand === null ? null : viewOf(hand.box, this.#finder.framing, frame), watched, jumped, hand };
  }

  /** Lay the watched square anew where the hand has left it for good, or is of another size by now. */
  #watch(seconds: number, box: HandBox, frame: Size): void {
    const square = this.#watched;
    if (square !== null && this.#size > 0) {
      const [x, y] = centreOf(box);
      const apart = Math.max(Math.abs(x - square.left - square.side / 2), Math.abs(y - square.top - square.side / 2));
      const grew = longerOf(box) / this.#size;
      // a square as large as the frame cannot be laid better
      const near = apart <= INNER * square.side || square.side >= Math.min(frame.height, frame.width);
      if (grew > 1 / GREW && grew < GREW && near) this.#near = seconds;
      if (seconds - this.#near <= AWAY) return;
    }
    this.#watched = inside(box, frame);
    this.#size = longerOf(box);
    this.#near = seconds;
  }
}

/** The watched square around a hand, moved into the frame; at most as large as the frame's largest square. */
function inside(box: HandBox, frame: Size): Square {
  const { left, top, side } = squareAround(box, WATCHED);
  if (side >= Math.min(frame.height, frame.width)) return whole(frame);
  return {
    left: Math.min(Math.max(left, 0), frame.width - side),
    top: Math.min(Math.max(top, 0), frame.height - side),
    side,
  };
}

function same(one: Square, other: Square): boolean {
  return one.left === other.left && one.top === other.top && one.side === other.side;
}
