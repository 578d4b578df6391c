/** What has been practised: for each letter how often it was asked, how often right at once, and how long that took. */

export interface LetterProgress {
  readonly asked: number;
  readonly right: number;
  /** Over the right answers, all together. */
  readonly seconds: number;
}

export interface Progress {
  readonly letters: Readonly<Record<string, LetterProgress>>;
  readonly words: { readonly asked: number; readonly right: number };
}

export const NONE: Progress = { letters: {}, words: { asked: 0, right: 0 } };

export function withLetter(progress: Progress, letter: string, right: boolean, seconds: number): Progress {
  const before = progress.letters[letter] ?? { asked: 0, right: 0, seconds: 0 };
  const after = {
    asked: before.asked + 1,
    right: before.right + (right ? 1 : 0),
    seconds: before.seconds + (right ? seconds : 0),
  };
  return { ...progress, letters: { ...progress.letters, [letter]: after } };
}

export function withWord(progress: Progress, right: boolean): Progress {
  const { words } = progress;
  return { ...progress, words: { asked: words.asked + 1, right: words.right + (right ? 1 : 0) } };
}

export interface Totals {
  readonly asked: number;
  readonly right: number;
  /** Mean over the right answers; null before the first. */
  readonly seconds: number | null;
}

export function totals(progress: Progress): Totals {
  const all = Object.values(progress.letters);
  const sum = (of: (each: LetterProgress) => number) => all.reduce((total, each) => total + of(each), 0);
  const right = sum((each) => each.right);
  return { asked: sum((each) => each.asked), right, seconds: right === 0 ? null : sum((each) => each.seconds) / right };
}

/** Letters that were not always right, the worst first. */
export function failing(progress: Progress): { letter: string; asked: number; right: number }[] {
  return Object.entries(progress.letters)
    .filter(([, { asked, right }]) => right < asked)
    .map(([letter, { asked, right }]) => ({ letter, asked, right }))
    .sort((a, b) => a.right / a.asked - b.right / b.asked || b.asked - a.asked || a.letter.localeCompare(b.letter));
}

/** Read what was kept; whatever is damaged counts as not practised. */
export function parseProgress(value: unknown): Progress {
  const { letters, words } = record(value);
  const read: Record<string, LetterProgress> = {};
  for (const [letter, each] of Object.entries(record(letters))) {
    const { asked, right, seconds } = record(each);
    if (count(asked) && count(right) && right <= asked && typeof seconds === "number" && seconds >= 0) {
      read[letter] = { asked, right, seconds };
    }
  }
  const { asked, right } = record(words);
  const whole = count(asked) && count(right) && right <= asked;
  return { letters: read, words: whole ? { asked, right } : NONE.words };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function count(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
