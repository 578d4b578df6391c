/** One practice: asks for letters or words, takes the signs that are read, and keeps the score. Pure. */

import { type Progress, withLetter, withWord } from "./progress";
import { lettersOf, wordsOf } from "./words";

export type PracticeKind = "letters" | "words";

export interface Asked {
  /** A letter, or a word. */
  readonly text: string;
  /** Which of its letters is asked for now. */
  readonly at: number;
}

export type Outcome = "right" | "wrong" | "done";

export class Session {
  progress: Progress;
  asked: Asked;
  readonly kind: PracticeKind;
  readonly #choices: readonly string[];
  readonly #random: () => number;
  #since: number;
  #missed = false;
  #missedBefore = false;
  #wordMissed = false;

  /**
   * @param labels that the recogniser knows; only these are asked for.
   * @param now seconds, on the clock that is used throughout.
   * @param random 0 ≤ x < 1.
   */
  constructor(kind: PracticeKind, labels: readonly string[], progress: Progress, now: number, random: () => number) {
    this.kind = kind;
    this.progress = progress;
    this.#choices = kind === "letters" ? lettersOf(labels) : wordsOf(labels);
    this.#random = random;
    this.#since = now;
    this.asked = { text: this.#choose(""), at: 0 };
  }

  /** The letter that is asked for; "" where the recogniser knows nothing that could be asked. */
  get letter(): string {
    return this.asked.text[this.asked.at] ?? "";
  }

  /** A sign was read. Right means: next letter; done means: next letter or word. */
  written(label: string, now: number): Outcome {
    this.#missedBefore = this.#missed;
    if (label !== this.letter) {
      this.#missed = true;
      return "wrong";
    }
    return this.#finishLetter(now);
  }

  /** The sign before was read wrongly: it is this one (an I that became a J). */
  revised(label: string, now: number): Outcome {
    this.#missed = this.#missedBefore;
    return this.written(label, now);
  }

  /** Leave this letter: it counts as asked and not as right. */
  skip(now: number): Outcome {
    this.#missed = true;
    return this.#finishLetter(now);
  }

  /** The camera was started, or practice goes on: time counts from now. */
  restartClock(now: number): void {
    this.#since = now;
  }

  #finishLetter(now: number): Outcome {
    this.progress = withLetter(this.progress, this.letter, !this.#missed, Math.max(0, now - this.#since));
    this.#wordMissed ||= this.#missed;
    this.#missed = false;
    this.#missedBefore = false;
    this.#since = now;
    const { text, at } = this.asked;
    if (at + 1 < text.length) {
      this.asked = { text, at: at + 1 };
      return "right";
    }
    if (this.kind === "words") this.progress = withWord(this.progress, !this.#wordMissed);
    this.#wordMissed = false;
    this.asked = { text: this.#choose(text), at: 0 };
    return "done";
  }

  /** By chance; letters that often fail come more often; not the same twice running. */
  #choose(before: string): string {
    const others = this.#choices.length > 1 ? this.#choices.filter((each) => each !== before) : this.#choices;
    const weights = others.map((each) => 1 + Math.max(0, ...[...each].map((letter) => this.#failures(letter))));
    let left = this.#random() * weights.reduce((sum, each) => sum + each, 0);
    for (const [index, weight] of weights.entries()) {
      left -= weight;
      if (left < 0) return others[index] ?? "";
    }
    return others.at(-1) ?? "";
  }

  /** 0 for a letter that is always right (or new), up to 2 for one that never is. */
  #failures(letter: string): number {
    const { asked, right } = this.progress.letters[letter] ?? { asked: 0, right: 0 };
    return asked === 0 ? 0 : 2 * (1 - right / asked);
  }
}
