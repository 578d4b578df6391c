/** How a signer's pace and a recogniser's doubts become letters; as `spelling/settings.py`. Times in seconds. */

export interface SpellingSettings {
  /** How long a sign must lead before it is written. */
  readonly hold: number;
  /** How long it must be gone before the same sign counts again, as in double letters. */
  readonly release: number;
  /** Lowest mean probability over the hold of a sign that is written. */
  readonly certain: number;
  /** How long a hand may be shown without a sign that can be written until "please repeat". */
  readonly patience: number;
  /** Independent looks a second: neighbouring frames show nearly the same. */
  readonly looks: number;
  /** Signs a second that a quick signer shows: how readily another sign is believed. */
  readonly changes: number;
  /** A sign with less than about this probability is none: the hand is on its way, or unclear. */
  readonly between: number;
  /** After a longer pause between two frames everything begins anew. */
  readonly gap: number;
  /** J and Z are told by the path of the hand. */
  readonly motion: boolean;
}

export const DEFAULTS: SpellingSettings = {
  hold: 0.25,
  release: 0.2,
  certain: 0.4,
  patience: 2.0,
  looks: 20.0,
  changes: 5.0,
  between: 0.2,
  gap: 1.0,
  motion: true,
};

const LEAST_CERTAIN = 0.05;
const MOST_CERTAIN = 0.99;

/** As `settings_for` in Python: where it is known from which probability an answer is sure, a letter must be so sure. */
export function settingsFor(sureFrom: number | null): Partial<SpellingSettings> {
  return sureFrom === null ? {} : { certain: Math.min(Math.max(sureFrom, LEAST_CERTAIN), MOST_CERTAIN) };
}
