/**
 * The recogniser inside the page: ONNX Runtime Web on one thread, away from the page's own.
 *
 * One thread, because more need a cross-origin isolated page, which a plain static host does not give, and bring
 * little to networks of this size.
 */

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { MovementTracker } from "../spelling/movement";
import type { FromWorker, ToWorker } from "./messages";
import { flipped, withoutAlpha } from "./types";

const INPUT = "photos";
const OUTPUT = "probabilities";
const WARM_UP = { side: 64, times: 2 };

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

let session: InferenceSession | null = null;
let tracker = new MovementTracker();
let queue: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  // one after the other: the runtime's session must not be run twice at once
  queue = queue.then(() => (data.type === "load" ? load(data) : read(data)));
};

async function load(message: Extract<ToWorker, { type: "load" }>): Promise<void> {
  try {
    env.wasm.numThreads = 1;
    env.wasm.wasmPaths = message.runtime;
    env.logLevel = "error";
    session = await InferenceSession.create(message.model, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
    });
    tracker = new MovementTracker();
    const began = performance.now();
    const blank = new Uint8Array(WARM_UP.side * WARM_UP.side * 3).fill(127);
    for (let time = 0; time < WARM_UP.times; time += 1) {
      const [answer] = await run([blank], WARM_UP.side, WARM_UP.side);
      if (answer?.length !== message.labels) {
        throw new Error(
          `the model gives ${answer?.length ?? 0} probabilities, its card names ${message.labels} labels`,
        );
      }
    }
    scope.postMessage({ type: "ready", warmUp: performance.now() - began });
  } catch (error) {
    scope.postMessage({ type: "failed", reason: reasonOf(error) });
  }
}

async function read(message: Extract<ToWorker, { type: "frame" }>): Promise<void> {
  const { id, seconds, width, height } = message;
  try {
    const given = { width, height, rgba: new Uint8ClampedArray(message.rgba) };
    const rgb = withoutAlpha(given.rgba);
    const turned = message.hand === "right" ? null : withoutAlpha(flipped(given).rgba);
    // J and Z are known from either hand: no need to turn round
    const movement = message.track ? tracker.step(seconds, { height, width, pixels: rgb }) : null;
    const began = performance.now();
    const photos = turned === null ? [rgb] : message.hand === "left" ? [turned] : [rgb, turned];
    const [probabilities, mirrored = null] = await run(photos, height, width);
    if (probabilities === undefined) throw new Error("the model gave no answer");
    const milliseconds = performance.now() - began;
    const answers = mirrored === null ? [probabilities.buffer] : [probabilities.buffer, mirrored.buffer];
    scope.postMessage({ type: "reading", id, probabilities, mirrored, milliseconds, movement }, answers);
  } catch (error) {
    scope.postMessage({ type: "problem", id, reason: reasonOf(error) });
  }
}

/** Look at pictures of one size together. Returns the probabilities of each. */
async function run(photos: readonly Uint8Array[], height: number, width: number): Promise<Float32Array<ArrayBuffer>[]> {
  if (session === null) throw new Error("the model is not loaded");
  const batch = photos.length === 1 ? (photos[0] as Uint8Array) : new Uint8Array(3 * height * width * photos.length);
  if (photos.length > 1) for (const [index, rgb] of photos.entries()) batch.set(rgb, index * rgb.length);
  const outputs = await session.run({ [INPUT]: new Tensor("uint8", batch, [photos.length, height, width, 3]) });
  const output = outputs[OUTPUT];
  if (output === undefined) throw new Error(`the model has no output named ${OUTPUT}`);
  const all = output.data as Float32Array;
  const labels = all.length / photos.length;
  // copies of our own: the runtime's memory cannot be handed over
  return photos.map((_, index) => new Float32Array(all.subarray(index * labels, (index + 1) * labels)));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
