/** What a speller reports, each the moment it happens; as `spelling/event.py`. */

export interface Event {
  /**
   * written: a letter or a space was added; removed: `del` took the last character; revised: the last character was
   * read wrongly and is replaced; unsure: a hand is shown, and no sign is certain.
   */
  readonly kind: "written" | "removed" | "revised" | "unsure";
  /** When, on the frames' clock. */
  readonly seconds: number;
  /** The sign; of `unsure` the most probable one. */
  readonly label: string;
  /** Its mean probability while it was shown, 0–1. */
  readonly certainty: number;
  /** The most probable signs with their mean probabilities, most probable first. */
  readonly candidates: readonly (readonly [string, number])[];
  /** The whole text after this event. */
  readonly text: string;
}
