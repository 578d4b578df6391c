/** Taking photos in rounds: each round asks for every letter once, so that a letter's photos are from several moments. */

import { enough, type OwnPhoto } from "./check";

export const ROUNDS = 5;
const TURNS = 5;

/** Labels that are asked for, in order: not those that move, of which a photo shows a moment only. */
export function askable(labels: readonly string[]): string[] {
  return labels.filter((label) => !["J", "Z", "nothing"].includes(label));
}

interface Taken {
  readonly label: string;
  readonly features: readonly Float32Array[];
  /** Where the session stood. */
  readonly at: number;
}

export class Session {
  readonly letters: readonly string[];
  readonly rounds: number;
  readonly #labels: readonly string[];
  readonly #taken: Taken[] = [];
  #at = 0;

  /** @param labels of the recogniser, in its order. */
  constructor(labels: readonly string[], rounds = ROUNDS) {
    this.#labels = labels;
    this.letters = askable(labels);
    this.rounds = rounds;
  }

  /** The letter that is asked for; "" when all rounds are over. */
  get asked(): string {
    return this.over ? "" : (this.letters[this.#at % this.letters.length] ?? "");
  }

  get over(): boolean {
    return this.#at >= this.rounds * this.letters.length;
  }

  /** Of the letter that is asked for, from 1. */
  get round(): number {
    return Math.min(this.rounds, Math.floor(this.#at / this.letters.length) + 1);
  }

  /** Place of the letter within its round, from 1. */
  get place(): number {
    return (this.#at % this.letters.length) + 1;
  }

  get count(): number {
    return this.#taken.length;
  }

  get enough(): boolean {
    return enough(this.photos);
  }

  take(features: readonly Float32Array[]): void {
    if (this.over) return;
    this.#taken.push({ label: this.asked, features, at: this.#at });
    this.#at += 1;
  }

  skip(): void {
    if (!this.over) this.#at += 1;
  }

  /** The last photo is taken back, and its letter asked for again. */
  undo(): void {
    const last = this.#taken.pop();
    if (last !== undefined) this.#at = last.at;
  }

  /** A letter's first photo is held back in the first turn, and so on; a letter's only one never. */
  get photos(): OwnPhoto[] {
    const counts = this.counts;
    const had = new Map<string, number>();
    return this.#taken.map(({ label, features }) => {
      const number = had.get(label) ?? 0;
      had.set(label, number + 1);
      return { label: this.#labels.indexOf(label), turn: counts[label] === 1 ? -1 : number % TURNS, features };
    });
  }

  /** Photos of each letter, in the labels' order. */
  get counts(): Record<string, number> {
    const own = (label: string) => this.#taken.filter((each) => each.label === label).length;
    return Object.fromEntries(
      this.letters.map((label) => [label, own(label)] as const).filter(([, count]) => count > 0),
    );
  }
}
