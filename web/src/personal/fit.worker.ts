/** Fits away from the page's own thread, so that it goes on meanwhile. */

import { adapted, type Checked, check, isBetter, type OwnPhoto } from "./check";
import type { Head } from "./head";

export interface FitRequest {
  readonly head: Head;
  readonly photos: readonly OwnPhoto[];
}

export type FitAnswer =
  | { readonly type: "progress"; readonly share: number }
  /** `head` is null where it would not be better. */
  | { readonly type: "done"; readonly checked: Checked; readonly head: Head | null }
  | { readonly type: "failed"; readonly reason: string };

const scope = self as unknown as {
  postMessage(message: FitAnswer): void;
  onmessage: ((event: MessageEvent<FitRequest>) => void) | null;
};

scope.onmessage = ({ data: { head, photos } }) => {
  try {
    const checked = check(head, photos, (done, total) => scope.postMessage({ type: "progress", share: done / total }));
    scope.postMessage({ type: "done", checked, head: isBetter(checked) ? adapted(head, photos, checked.pull) : null });
  } catch (error) {
    scope.postMessage({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
};
