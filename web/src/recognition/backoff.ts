/** Waiting times between attempts: 0.5, 1, 2, 4, then 8 seconds. */
export class Backoff {
  #failures = 0;

  /** Milliseconds until the next attempt. */
  next(): number {
    const wait = Math.min(500 * 2 ** this.#failures, 8000);
    this.#failures += 1;
    return wait;
  }

  reset(): void {
    this.#failures = 0;
  }
}
