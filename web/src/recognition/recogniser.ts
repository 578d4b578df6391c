/** What both recognisers have in common: the one inside the page and the service. */

import type { Hand, Picture, Reading, Shot } from "./types";

export type Link =
  | { readonly state: "loading"; readonly detail: string }
  | { readonly state: "ready" }
  | { readonly state: "waiting"; readonly detail: string; readonly retryAt: number }
  | { readonly state: "failed"; readonly detail: string };

/** One that looks at one picture at a time; who calls keeps the newest and drops the others. */
export interface Recogniser {
  readonly labels: readonly string[];
  readonly link: Link;
  /** Look at a frame of a stream. Rejects when no answer can come any more. */
  read(shot: Shot, hand: Hand): Promise<Reading>;
  /**
   * Look at a single photo, in full size.
   *
   * @param file what the photo came from.
   * @param find cut the hand out first, where one is found and this recogniser can; else the whole photo is named.
   */
  photo(picture: Picture, file: Blob, find: boolean): Promise<Float32Array>;
  close(): void;
}

/** Something went wrong that words can explain. */
export class RecognitionError extends Error {
  override name = "RecognitionError";
}
