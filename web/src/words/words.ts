/**
 * The words that an unfinished one may become: as `Dictionary.complete` (`fingerspell/live/words/dictionary.py`) names
 * them, from the most frequent words alone, and with doubts about the last letter alone.
 */

import type { Event } from "../spelling/event";

/** How many words are proposed at most. */
export const COMPLETIONS = 3;

/** What the recogniser thought of a letter when it wrote it. */
export type Doubt = Pick<Event, "label" | "certainty" | "candidates">;

// as the Python side's `WordSettings`, `Channel` and `dictionary.py`
const TEMPERING = 0.65; // exponent of the words' frequencies
const CERTAIN = 0.98; // from here on a letter is what was written
const NEARLY = 0.05; // probability from which another letter is tried for an unsure one
const TRUST = 0.9; // exponent of the recogniser's probabilities: below 1, it is less sure than it says
const FLOOR = 0.02; // share of a letter's probability that is spread over the alphabet
const ALPHABET = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const LEVELS = 10; // steps of the natural logarithm of a word's share
const ALIKE = 1e9; // scores that differ by less than 1e-9 count as equal

export class WordList {
  readonly words: readonly string[];
  /** Of each word, the natural logarithm of its share in all that is said, in tenths. */
  readonly #levels: readonly number[];

  /** @param words in capitals, most frequent first. */
  constructor(words: readonly string[], levels: readonly number[]) {
    this.words = words;
    this.#levels = levels;
  }

  /**
   * Longer words that begin with these letters, most frequent first.
   *
   * @param letters the beginning of a word, A–Z.
   * @param last what was thought of the last letter, where that is known: an unsure one is also tried as others, which
   *   count as much less as they are less probable.
   */
  complete(letters: string, last: Doubt | null = null, limit = COMPLETIONS): string[] {
    const stem = letters.slice(0, -1);
    const tried = triedFor(letters.slice(-1), last);
    const found: { readonly word: string; readonly score: number }[] = [];
    for (const [place, word] of this.words.entries()) {
      if (word.length <= letters.length || !word.startsWith(stem)) continue;
      const seen = tried.get(word[stem.length] as string);
      if (seen === undefined) continue;
      const score = (TEMPERING * (this.#levels[place] as number)) / LEVELS + seen;
      found.push({ word, score: Math.round(score * ALIKE) });
    }
    found.sort((a, b) => b.score - a.score); // of equal ones the more frequent stays first
    return found.slice(0, limit).map(({ word }) => word);
  }
}

/** The letters that may have been meant, with their log-probabilities. */
function triedFor(written: string, last: Doubt | null): Map<string, number> {
  if (last === null || last.label !== written) return new Map([[written, 0]]);
  const chances = new Map(last.candidates);
  const most = Math.max(last.certainty, ...chances.values());
  chances.set(written, most); // what was written leads
  const seen = emissions(chances);
  const meant = (letter: string) => letter === written || (most < CERTAIN && (chances.get(letter) ?? 0) >= NEARLY);
  return new Map([...seen].filter(([letter]) => meant(letter)));
}

/** As `Channel.emissions`: log-probabilities of what was seen, for each letter that may have been meant. */
function emissions(chances: ReadonlyMap<string, number>): Map<string, number> {
  const named = ALPHABET.filter((letter) => chances.has(letter));
  const rest = Math.max(0, 1 - total([...chances.values()])) / Math.max(ALPHABET.length - named.length, 1);
  const spread = shares(ALPHABET.map((letter) => chances.get(letter) ?? rest));
  const trusted = shares(spread.map((each) => each ** TRUST));
  const floored = trusted.map((each) => Math.log((1 - FLOOR) * each + FLOOR / ALPHABET.length));
  return new Map(ALPHABET.map((letter, index) => [letter, floored[index] as number]));
}

function shares(values: readonly number[]): number[] {
  const all = total(values);
  return values.map((each) => each / all);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0);
}

/** The letters after the last space; "" where there is something else among them. */
export function unfinished(text: string): string {
  const letters = text.slice(text.lastIndexOf(" ") + 1);
  return /^[A-Z]+$/.test(letters) ? letters : "";
}

/** Read words.json. Throws RangeError for anything else. */
export function parseWords(value: unknown): WordList {
  const { words, runs } = (value ?? {}) as { readonly words?: unknown; readonly runs?: unknown };
  if (typeof words !== "string" || !/^[A-Z]+( [A-Z]+)*$/.test(words) || !Array.isArray(runs) || !runs.every(isRun)) {
    throw new RangeError("it is damaged");
  }
  const levels = runs.flatMap(([count, level]) => new Array<number>(count).fill(level));
  const list = words.split(" ");
  if (levels.length !== list.length) throw new RangeError("it is damaged");
  return new WordList(list, levels);
}

function isRun(value: unknown): value is readonly [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [count, level] = value as unknown[];
  return Number.isInteger(count) && (count as number) > 0 && (count as number) < 1e6 && Number.isFinite(level);
}
