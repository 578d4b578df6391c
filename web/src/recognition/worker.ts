/**
 * The recogniser inside the page: ONNX Runtime Web on one thread, away from the page's own.
 *
 * One thread, because more need a cross-origin isolated page, which a plain static host does not give, and bring
 * little to networks of this size.
 */

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import type { Box } from "../camera/box";
import { type Head, probabilitiesOf } from "../personal/head";
import { varied } from "../personal/varying";
import { MovementTracker } from "../spelling/movement";
import { HandFinder, type Places, WINDOW } from "./finder";
import type { FinderFile, FromWorker, ToWorker } from "./messages";
import { type Shown, Sight } from "./sight";
import { flipped, type Hand, type Picture, withoutAlpha } from "./types";

const INPUT = "photos";
const OUTPUT = "probabilities";
const FEATURES = "features";
const NOTHING = "nothing";
const NO_HAND = "no hand was found in the picture: show it, or switch “Find my hand” off and place the box by hand";
const WARM_UP = { side: 64, times: 2 };
/** A window, and a frame of the usual shape. */
const FINDER_WARM_UP = [
  [WINDOW, WINDOW],
  [160, 224],
] as const;

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

let session: InferenceSession | null = null;
let sight: Sight | null = null;
let finding = false;
let labels: readonly string[] = [];
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
    labels = message.labels;
    session = await opened(message.model);
    tracker = new MovementTracker();
    const began = performance.now();
    const blank = new Uint8Array(WARM_UP.side * WARM_UP.side * 3).fill(127);
    for (let time = 0; time < WARM_UP.times; time += 1) {
      const [answer] = await run([blank], WARM_UP.side, WARM_UP.side);
      if (answer?.length !== labels.length) {
        throw new Error(`the model gives ${answer?.length ?? 0} probabilities, its card names ${labels.length} labels`);
      }
    }
    const finderProblem = message.finder === null ? null : await loadFinder(message.finder);
    scope.postMessage({ type: "ready", warmUp: performance.now() - began, finderProblem });
  } catch (error) {
    scope.postMessage({ type: "failed", reason: reasonOf(error) });
  }
}

function opened(onnx: ArrayBuffer): Promise<InferenceSession> {
  return InferenceSession.create(onnx, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
}

/** Without it, letters are recognised all the same. Returns why it cannot be used; null where it can. */
async function loadFinder({ onnx, card }: FinderFile): Promise<string | null> {
  try {
    const network = await opened(onnx);
    const ask = (rgb: Uint8Array, height: number, width: number) => placesOf(network, rgb, height, width);
    for (const [height, width] of FINDER_WARM_UP) {
      await ask(new Uint8Array(3 * height * width).fill(127), height, width);
    }
    sight = new Sight(new HandFinder(card, ask), labels.includes(NOTHING));
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

async function placesOf(network: InferenceSession, rgb: Uint8Array, height: number, width: number): Promise<Places> {
  const { scores, boxes } = await network.run({ frames: new Tensor("uint8", rgb, [1, height, width, 3]) });
  if (scores === undefined || boxes === undefined) throw new Error("the finder does not say where hands are");
  const [found, where] = [scores.data as Float32Array, boxes.data as Float32Array];
  if (where.length !== 4 * found.length) throw new Error("the finder's answer has another shape than ours");
  return { scores: found, boxes: where };
}

/** What a message shows: the box's content as it is, or the hand in a whole frame. */
async function shownBy(message: Extract<ToWorker, { type: "frame" }>, given: Picture): Promise<Shown> {
  const looked = message.find ? sight : null;
  if (message.track && finding !== (looked !== null)) {
    finding = looked !== null;
    sight?.forget();
    tracker.reset(); // another part of the frame is watched from now on
  }
  if (looked === null) return { photo: given, watched: given, jumped: false, found: null };
  if (message.track) return looked.look(message.seconds, given);
  const hand = await looked.once(given); // without one, the whole photo is named
  return { photo: hand?.photo ?? given, watched: given, jumped: false, found: hand?.found ?? null };
}

/** The answers to what is shown; where that was cut out of a single photo, or to the whole photo if that is surer of a sign. */
async function answered(
  message: Extract<ToWorker, { type: "frame" }>,
  shown: Shown,
  given: Picture,
): Promise<{ readonly answers: Float32Array<ArrayBuffer>[]; readonly found: Box | null }> {
  if (shown.photo === null) return { answers: noHand(message.hand), found: null };
  const answers = await named(shown.photo, message.hand);
  if (message.track || shown.photo === given) return { answers, found: shown.found };
  const whole = await named(given, message.hand); // the cut-out place may hold no hand
  return sureOfASign(whole) > sureOfASign(answers) ? { answers: whole, found: null } : { answers, found: shown.found };
}

function sureOfASign(answers: readonly Float32Array[]): number {
  const shares = answers.map((each) => {
    const best = Math.max(...each);
    return labels[each.indexOf(best)] === NOTHING ? 0 : best;
  });
  return Math.max(...shares);
}

async function read(message: Extract<ToWorker, { type: "frame" }>): Promise<void> {
  const { id, seconds, width, height } = message;
  try {
    const given = { width, height, rgba: new Uint8ClampedArray(message.rgba) };
    const began = performance.now();
    const shown = await shownBy(message, given);
    const { watched } = shown;
    if (shown.jumped) tracker.reset();
    // J and Z are known from either hand: no need to turn round
    const movement = message.track
      ? tracker.step(seconds, { height: watched.height, width: watched.width, pixels: withoutAlpha(watched.rgba) })
      : null;
    const { answers, found } = await answered(message, shown, given);
    const [probabilities, mirrored = null] = answers;
    if (probabilities === undefined) throw new Error("the model gave no answer");
    const milliseconds = performance.now() - began;
    const buffers = mirrored === null ? [probabilities.buffer] : [probabilities.buffer, mirrored.buffer];
    scope.postMessage({ type: "reading", id, probabilities, mirrored, milliseconds, movement, found }, buffers);
  } catch (error) {
    scope.postMessage({ type: "problem", id, reason: reasonOf(error) });
  }
}

/** The probabilities of a photo, as a right hand or a left one; of both where that is to be found out. */
function named(photo: Picture, hand: Hand): Promise<Float32Array<ArrayBuffer>[]> {
  const rgb = hand === "left" ? null : withoutAlpha(photo.rgba);
  const turned = hand === "right" ? null : withoutAlpha(flipped(photo).rgba);
  return run(
    [rgb, turned].filter((each) => each !== null),
    photo.height,
    photo.width,
  );
}

/** The answer where no hand is: `nothing`, for certain. */
function noHand(hand: Hand): Float32Array<ArrayBuffer>[] {
  const nothing = () => Float32Array.from(labels, (label) => Number(label === NOTHING));
  return hand === "auto" ? [nothing(), nothing()] : [nothing()];
}

/** What the last layer reads of a picture and of its variations: they differ in size, so one after the other. */
async function look(message: Extract<ToWorker, { type: "features" }>): Promise<void> {
  const { id, width, height } = message;
  try {
    const given = { width, height, rgba: new Uint8ClampedArray(message.rgba) };
    const hand = message.find && sight !== null ? await sight.once(given) : { photo: given, found: null };
    if (hand === null) throw new Error(NO_HAND);
    const photo = message.hand === "left" ? flipped(hand.photo) : hand.photo;
    const features: Float32Array[] = [];
    for (const each of varied({ width: photo.width, height: photo.height, rgb: withoutAlpha(photo.rgba) })) {
      features.push(...(await rows(FEATURES, [each.rgb], each.height, each.width)));
    }
    scope.postMessage({ type: "features", id, features, found: hand.found });
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
