/** How long answers take, over the last ones, and how many frames were passed over for a newer one. */
export class Latency {
  readonly #last: number[] = [];
  readonly #kept: number;
  dropped = 0;
  answered = 0;

  /** @param kept how many of the last answers count. */
  constructor(kept = 200) {
    this.#kept = kept;
  }

  /** @param milliseconds from the frame's arrival in the page to its letter. */
  add(milliseconds: number): void {
    this.answered += 1;
    this.#last.push(milliseconds);
    if (this.#last.length > this.#kept) this.#last.shift();
  }

  /** The value that `share` (0–1) of the last answers do not exceed, milliseconds; null before the first answer. */
  quantile(share: number): number | null {
    if (this.#last.length === 0) return null;
    const sorted = [...this.#last].sort((a, b) => a - b);
    const place = Math.min(Math.max(Math.ceil(share * sorted.length) - 1, 0), sorted.length - 1);
    return sorted[place] ?? null;
  }

  clear(): void {
    this.#last.length = 0;
    this.dropped = 0;
    this.answered = 0;
  }
}
