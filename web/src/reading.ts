/** The loop from the camera's frames to readings: one at a time, and the newest frame wins. */

import type { Box } from "./camera/box";
import type { Frames } from "./camera/frames";
import type { Latency } from "./recognition/latency";
import type { Recogniser } from "./recognition/recogniser";
import type { Hand, Reading } from "./recognition/types";

interface Asked {
  readonly frames: Frames;
  readonly latency: Latency;
  box(): Box;
  /** Whether the hand is found in whole frames; else the box is looked at. */
  finds(): boolean;
  hand(): Hand;
  /** The recogniser, if it can take a picture now. */
  recogniser(): Recogniser | null;
  /** Show a reading; called before its latency is taken, so that showing counts. */
  take(reading: Reading): void;
}

export class ReadingLoop {
  readonly #asked: Asked;
  #busy = false;
  /** When the newest frame that nobody has looked at came; null when there is none. */
  #waiting: number | null = null;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** A frame has come. */
  frame(arrived: number): void {
    if (this.#asked.recogniser() === null) return;
    if (this.#busy) {
      if (this.#waiting !== null) this.#asked.latency.dropped += 1;
      this.#waiting = arrived;
      return;
    }
    void this.#look(arrived);
  }

  async #look(arrived: number): Promise<void> {
    const { frames, latency, recogniser, box, finds, hand, take } = this.#asked;
    const shot = finds() ? frames.whole(arrived) : frames.cut(box(), arrived);
    const by = recogniser();
    if (shot === null || by === null) return;
    this.#busy = true;
    try {
      const reading = await by.read(shot, hand());
      take(reading);
      latency.add(performance.now() - arrived);
    } catch {
      // a lost connection or a broken worker is told by the recogniser's own status; the stream goes on with the next
    } finally {
      this.#busy = false;
      const next = this.#waiting;
      this.#waiting = null;
      if (next !== null) void this.#look(next);
    }
  }
}
