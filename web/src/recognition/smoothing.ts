/**
 * A number over time without its tremble: the 1€ filter (G. Casiez, N. Roussel and D. Vogel, CHI 2012); the same as
 * `fingerspell/live/finding/smoothing.py`.
 *
 * The faster the number changes, the less it is smoothed: still things rest, moving ones do not lag.
 */
export class OneEuro {
  readonly #still: number;
  readonly #quick: number;
  #value: number | null = null;
  #speed = 0;

  /**
   * @param still cutoff in hertz for a number that does not change.
   * @param quick by how many hertz the cutoff rises, for each unit a second that the number changes.
   */
  constructor(still: number, quick: number) {
    this.#still = still;
    this.#quick = quick;
  }

  /**
   * Take in the next value. Returns the smoothed one; the first is itself.
   *
   * @param elapsed seconds since the one before; 0 or less repeats the last answer.
   * @param unit what a change is measured in, above 0.
   */
  step(value: number, elapsed: number, unit = 1): number {
    if (this.#value === null) {
      this.#value = value;
      return value;
    }
    if (elapsed <= 0) return this.#value;
    const speed = (value - this.#value) / elapsed;
    this.#speed += share(1, elapsed) * (speed - this.#speed);
    const cutoff = this.#still + (this.#quick * Math.abs(this.#speed)) / unit;
    this.#value += share(cutoff, elapsed) * (value - this.#value);
    return this.#value;
  }

  reset(): void {
    this.#value = null;
    this.#speed = 0;
  }
}

/** How much of the way to the new value is gone. */
function share(cutoff: number, elapsed: number): number {
  return 1 / (1 + 1 / (2 * Math.PI * cutoff * elapsed));
}
