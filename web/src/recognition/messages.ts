/** What the page and its worker tell each other. */

import type { Box } from "../camera/box";
import type { Head } from "../personal/head";
import type { Movement } from "../spelling/movement";
import type { FinderCard } from "./finder";
import type { Hand, Side } from "./types";

/** A bundle's finder.onnx, and what its card says of it. */
export interface FinderFile {
  readonly onnx: ArrayBuffer;
  readonly card: FinderCard;
}

export type ToWorker =
  | {
      readonly type: "load";
      readonly model: ArrayBuffer;
      /** Where the bundle can find hands. */
      readonly finder: FinderFile | null;
      readonly runtime: string;
      readonly labels: readonly string[];
    }
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
      /** It is a whole frame or photo: find the hand in it, where that can be done. */
      readonly find: boolean;
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
      /** It is a whole frame: find the hand in it. */
      readonly find: boolean;
    };

export type FromWorker =
  | {
      readonly type: "ready";
      readonly warmUp: number;
      /** Why hands cannot be found although there is a finder; else null. */
      readonly finderProblem: string | null;
    }
  | { readonly type: "failed"; readonly reason: string }
  | {
      readonly type: "reading";
      readonly id: number;
      readonly probabilities: Float32Array<ArrayBuffer>;
      /** Those of the picture's mirror image, where the hand is to be found out. */
      readonly mirrored: Float32Array<ArrayBuffer> | null;
      readonly milliseconds: number;
      readonly movement: Movement | null;
      readonly found: Box | null;
    }
  | {
      readonly type: "features";
      readonly id: number;
      readonly features: readonly Float32Array[];
      readonly found: Box | null;
    }
  | { readonly type: "problem"; readonly id: number; readonly reason: string };
