/** Recognition inside the page: model and runtime are fetched from where the page lies, pictures go nowhere. */

import type { Head } from "../personal/head";
import { HandChooser } from "./hand";
import type { FinderFile, FromWorker, ToWorker } from "./messages";
import { type Link, type Recogniser, RecognitionError } from "./recogniser";
import type { Hand, Picture, Reading, Shot, Side } from "./types";

const LONGEST_START = 60_000; // milliseconds; a phone may take long over a large model
const LONGEST_ANSWER = 20_000;
const PAUSE = 1; // seconds: a frame after a longer pause says nothing of the time before it

type Answer = Extract<FromWorker, { type: "reading" | "features" }>;
type Question = Extract<ToWorker, { type: "frame" | "features" }>;

type Features = Pick<Extract<FromWorker, { type: "features" }>, "features" | "found">;

interface Waiting {
  resolve(message: Answer): void;
  reject(error: Error): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class LocalRecogniser implements Recogniser {
  readonly labels: readonly string[];
  link: Link = { state: "loading", detail: "starting" };
  /** Whether it can find the hand in whole frames; known once it is ready. */
  finds = false;
  /** Why not, where there is a finder that cannot be used; else null. */
  finderProblem: string | null = null;
  #finder = false;
  readonly #worker: Worker;
  readonly #changed: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #chooser: HandChooser | null = null;
  #before = 0;

  /**
   * @param labels of the model's output, from the card.
   * @param runtime address of the folder with ONNX Runtime's files, with a final slash.
   * @param changed called when `link` has changed.
   */
  constructor(labels: readonly string[], runtime: URL, changed: () => void) {
    this.labels = labels;
    this.#changed = changed;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
    this.#worker.onerror = (event) => this.#fail(event.message || "its worker cannot be started");
    this.#runtime = runtime.href;
  }

  readonly #runtime: string;

  /** Hand over the model, and the finder if there is one, and warm up. Rejects with RecognitionError if that fails. */
  start(model: ArrayBuffer, finder: FinderFile | null): Promise<void> {
    this.#finder = finder !== null;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail("it did not start within a minute"), LONGEST_START);
      this.#started = (reason) => {
        clearTimeout(timer);
        this.#started = null;
        if (reason === null) resolve();
        else reject(new RecognitionError(reason));
      };
      const message: ToWorker = { type: "load", model, finder, runtime: this.#runtime, labels: this.labels };
      this.#worker.postMessage(message, finder === null ? [model] : [model, finder.onnx]);
    });
  }

  #started: ((failure: string | null) => void) | null = null;

  async read(shot: Shot, hand: Hand): Promise<Reading> {
    const { seconds } = shot;
    const answer = await this.#ask(shot, seconds, hand, true, shot.whole);
    const { probabilities, mirrored, milliseconds, movement, found } = answer;
    const reading = { seconds, milliseconds, movement, found };
    if (hand === "auto" && mirrored !== null) return { ...reading, ...this.#chosen(seconds, probabilities, mirrored) };
    this.#chooser = null;
    return { ...reading, probabilities, hand: hand === "auto" ? null : hand };
  }

  #chosen(seconds: number, plain: Float32Array, mirrored: Float32Array): Pick<Reading, "probabilities" | "hand"> {
    const elapsed = this.#chooser === null ? 0 : seconds - this.#before;
    this.#before = seconds;
    this.#chooser ??= new HandChooser(this.labels);
    this.#chooser.step(elapsed > PAUSE ? 0 : elapsed, plain, mirrored);
    const { hand } = this.#chooser;
    return { probabilities: hand === "left" ? mirrored : plain, hand };
  }

  async photo(picture: Picture, _file: Blob, find: boolean): Promise<Float32Array> {
    return (await this.#ask(picture, 0, "right", false, find)).probabilities;
  }

  /** Answer with a person's own last layer from now on, or with the model's. */
  answerWith(head: Head | null): void {
    this.#worker.postMessage({ type: "head", head } satisfies ToWorker);
  }

  /**
   * What the last layer reads of a picture and of its variations; of a whole frame, of the hand in it. The picture is
   * handed over. Rejects with RecognitionError where no hand is found.
   */
  async features(shot: Shot, hand: Side): Promise<Features> {
    const { width, height, whole: find } = shot;
    const rgba = shot.rgba.buffer;
    const answer = await this.#await((id) => ({ type: "features", id, width, height, rgba, hand, find }));
    if (answer.type !== "features") throw new RecognitionError("the recogniser answered something else");
    return answer;
  }

  close(): void {
    this.#worker.terminate();
    this.#rejectAll("the recogniser was closed");
  }

  async #ask(
    picture: Picture,
    seconds: number,
    hand: Hand,
    track: boolean,
    find: boolean,
  ): Promise<Extract<FromWorker, { type: "reading" }>> {
    const { width, height } = picture;
    const rgba = picture.rgba.buffer;
    const answer = await this.#await((id) => ({ type: "frame", id, seconds, width, height, rgba, hand, track, find }));
    if (answer.type !== "reading") throw new RecognitionError("the recogniser answered something else");
    return answer;
  }

  #await(question: (id: number) => Question): Promise<Answer> {
    if (this.link.state !== "ready") return Promise.reject(new RecognitionError("the recogniser is not ready"));
    this.#next += 1;
    const id = this.#next;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail("it gave no answer for 20 seconds"), LONGEST_ANSWER);
      this.#waiting.set(id, { resolve, reject, timer });
      const asked = question(id);
      this.#worker.postMessage(asked, [asked.rgba]);
    });
  }

  #take(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        this.link = { state: "ready" };
        this.finderProblem = message.finderProblem;
        this.finds = this.#finder && message.finderProblem === null;
        this.#started?.(null);
        this.#changed();
        break;
      case "failed":
        this.#fail(message.reason);
        break;
      case "reading":
      case "features":
        this.#settle(message.id)?.resolve(message);
        break;
      case "problem":
        this.#settle(message.id)?.reject(new RecognitionError(message.reason));
        break;
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting !== undefined) clearTimeout(waiting.timer);
    return waiting;
  }

  #fail(reason: string): void {
    this.link = { state: "failed", detail: reason };
    this.#worker.terminate();
    this.#started?.(reason);
    this.#rejectAll(reason);
    this.#changed();
  }

  #rejectAll(reason: string): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(new RecognitionError(reason));
  }
}
