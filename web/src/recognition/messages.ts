/** What the page and its worker tell each other. */

import type { Head } from "../personal/head";
import type { Movement } from "../spelling/movement";
import type { Hand, Side } from "./types";

export type ToWorker =
  | { readonly type: "load"; readonly model: ArrayBuffer; readonly runtime: string; readonly labels: number }
  | {
      readonly type: "frame";
      readonly id: number;
      readonly seconds: number;
      readonly width: number;
      readonly height: number;
      readonly rgba: ArrayBuffer;
      readonly hand: Hand;
      /** Follow the hand's path over the pictures; a single photo has none. */
      readonly track: boolean;
    }
  /** Answer with this last layer from now on; null: with the model's own. */
  | { readonly type: "head"; readonly head: Head | null }
  /** What the last layer reads of a picture and of its variations. */
  | {
      readonly type: "features";
      readonly id: number;
      readonly width: number;
      readonly height: number;
      readonly rgba: ArrayBuffer;
      readonly hand: Side;
    };

export type FromWorker =
  | { readonly type: "ready"; readonly warmUp: number }
  | { readonly type: "failed"; readonly reason: string }
  | {
      readonly type: "reading";
      readonly id: number;
      readonly probabilities: Float32Array<ArrayBuffer>;
      /** Those of the picture's mirror image, where the hand is to be found out. */
      readonly mirrored: Float32Array<ArrayBuffer> | null;
      readonly milliseconds: number;
      readonly movement: Movement | null;
    }
  | { readonly type: "features"; readonly id: number; readonly features: readonly Float32Array[] }
  | { readonly type: "problem"; readonly id: number; readonly reason: string };
