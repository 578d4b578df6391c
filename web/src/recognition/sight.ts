/** What of a whole frame is recognised and where movement is watched, as pixels: the page's `Reader._look`. */

import type { Box } from "../camera/box";
import { Aim } from "./aim";
import { type Finds, partOf } from "./finder";
import { cut, resized } from "./resample";
import { fractionsOf, type Square, viewOf, whole } from "./square";
import type { Picture } from "./types";

/** Pixels of a side that are recognised at most, as in Python: networks see less, and larger ones only take time. */
export const SIDE = 256;

export interface Shown {
  /** What is to be named; null where there is no hand. */
  readonly photo: Picture | null;
  /** In which movement is looked for. */
  readonly watched: Picture;
  /** Whether `watched` is of another place than before: what it shows is then no movement. */
  readonly jumped: boolean;
  /** The hand in fractions of the frame; null where none was found. */
  readonly found: Box | null;
}

export class Sight {
  readonly #finder: Finds;
  readonly #saysNothing: boolean;
  #aim: Aim;

  /** @param saysNothing whether the recogniser has an answer for "no hand"; else it is asked all the same. */
  constructor(finder: Finds, saysNothing: boolean) {
    this.#finder = finder;
    this.#saysNothing = saysNothing;
    this.#aim = new Aim(finder);
  }

  /** Look at the next frame of a stream. `seconds` is never less than before. */
  async look(seconds: number, frame: Picture): Promise<Shown> {
    const { photo, watched, jumped, hand } = await this.#aim.step(seconds, frame);
    const shown = photo ?? (this.#saysNothing ? null : whole(frame));
    return {
      photo: shown === null ? null : piece(frame, shown),
      watched: piece(frame, watched),
      jumped,
      found: hand === null ? null : fractionsOf(hand.box, frame),
    };
  }

  /** Look at a single picture: its hand cut out, or null. */
  async once(picture: Picture): Promise<{ readonly photo: Picture; readonly found: Box } | null> {
    const hand = await this.#finder.find(picture, null);
    if (hand === null) return null;
    const photo = piece(picture, viewOf(hand.box, this.#finder.framing, picture));
    return { photo, found: fractionsOf(hand.box, picture) };
  }

  /** The stream has ended: the next frame is the first of another. */
  forget(): void {
    this.#aim = new Aim(this.#finder);
  }
}

function piece(frame: Picture, square: Square): Picture {
  return square.side > SIDE ? resized(frame, partOf(square), SIDE, SIDE) : cut(frame, partOf(square));
}
