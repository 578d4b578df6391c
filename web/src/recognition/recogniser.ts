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
  /** Look at a single photo, in full size. `file` is what the photo came from. */
  photo(picture: Picture, file: Blob): Promise<Float32Array>;
  close(): void;
}

/** Something went wrong that words can explain. */
export class RecognitionError extends Error {
  override name = "RecognitionError";
}
