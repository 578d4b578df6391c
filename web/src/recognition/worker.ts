/**
 * The recogniser inside the page: ONNX Runtime Web on one thread, away from the page's own.
 *
 * One thread, because more need a cross-origin isolated page, which a plain static host does not give, and bring
 * little to networks of this size.
 */

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { type Head, probabilitiesOf } from "../personal/head";
import { varied } from "../personal/varying";
import { MovementTracker } from "../spelling/movement";
import type { FromWorker, ToWorker } from "./messages";
import { flipped, withoutAlpha } from "./types";

const INPUT = "photos";
const OUTPUT = "probabilities";
const FEATURES = "features";
const WARM_UP = { side: 64, times: 2 };

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

let session: InferenceSession | null = null;
let tracker = new MovementTracker();
let own: Head | null = null;
let queue: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  // one after the other: the runtime's session must not be run twice at once
  queue = queue.then(() => taken(data));
};

function taken(message: ToWorker): Promise<void> | undefined {
  if (message.type === "load") return load(message);
  if (message.type === "frame") return read(message);
  if (message.type === "features") return look(message);
  own = message.head;
  return undefined;
}

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

/** What the last layer reads of a picture and of its variations: they differ in size, so one after the other. */
async function look(message: Extract<ToWorker, { type: "features" }>): Promise<void> {
  const { id, width, height } = message;
  try {
    const given = { width, height, rgba: new Uint8ClampedArray(message.rgba) };
    const rgb = withoutAlpha((message.hand === "left" ? flipped(given) : given).rgba);
    const features: Float32Array[] = [];
    for (const photo of varied({ width, height, rgb })) {
      features.push(...(await rows(FEATURES, [photo.rgb], photo.height, photo.width)));
    }
    scope.postMessage({ type: "features", id, features });
  } catch (error) {
    scope.postMessage({ type: "problem", id, reason: reasonOf(error) });
  }
}

/** Look at pictures of one size together. Returns the probabilities of each, by the person's own layer if there is. */
async function run(photos: readonly Uint8Array[], height: number, width: number): Promise<Float32Array<ArrayBuffer>[]> {
  const head = own;
  if (head === null) return rows(OUTPUT, photos, height, width);
  return (await rows(FEATURES, photos, height, width)).map((features) => probabilitiesOf(head, features));
}

/** One output's row for each picture. */
async function rows(
  name: string,
  photos: readonly Uint8Array[],
  height: number,
  width: number,
): Promise<Float32Array<ArrayBuffer>[]> {
  if (session === null) throw new Error("the model is not loaded");
  const batch = photos.length === 1 ? (photos[0] as Uint8Array) : new Uint8Array(3 * height * width * photos.length);
  if (photos.length > 1) for (const [index, rgb] of photos.entries()) batch.set(rgb, index * rgb.length);
  const outputs = await session.run({ [INPUT]: new Tensor("uint8", batch, [photos.length, height, width, 3]) }, [name]);
  const output = outputs[name];
  if (output === undefined) throw new Error(`the model has no output named ${name}`);
  const all = output.data as Float32Array;
  const each = all.length / photos.length;
  // copies of our own: the runtime's memory cannot be handed over
  return photos.map((_, index) => new Float32Array(all.subarray(index * each, (index + 1) * each)));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
