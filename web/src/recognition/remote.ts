/** Recognition by the service: one WebSocket, one picture on its way at a time, reconnected when it breaks. */

import { MovementTracker } from "../spelling/movement";
import { Backoff } from "./backoff";
import { authorised, beside } from "./bundle";
import { type Link, type Recogniser, RecognitionError } from "./recogniser";
import { type Hand, type Picture, type Reading, type Shot, type Side, withoutAlpha } from "./types";

const LONGEST_ANSWER = 8000; // milliseconds; then the connection counts as broken
const JPEG_QUALITY = 0.92;
const IDLE = "silence"; // why the service closes a stream on which nothing comes
const NO_TOKEN = "the service asks for a token: open the page by the address that ends in #token=…";

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

interface Answer {
  readonly probabilities: readonly number[];
  readonly milliseconds: number;
  /** The hand that the service expects. */
  readonly hand?: Side;
}

type FromService =
  | { readonly type: "ready"; readonly labels: readonly string[] }
  | ({ readonly type: "reading" } & Answer)
  | { readonly type: "problem"; readonly status?: number; readonly title?: string; readonly detail?: string }
  | { readonly type: "text" };

export class RemoteRecogniser implements Recogniser {
  labels: readonly string[];
  link: Link = { state: "loading", detail: "connecting" };
  readonly #token: string | null;
  readonly #changed: () => void;
  readonly #backoff = new Backoff();
  readonly #canvas = document.createElement("canvas");
  readonly #retryNow = () => this.#retry();
  #tracker = new MovementTracker();
  #socket: WebSocket | null = null;
  #waiting: Waiting | null = null;
  #answerBy: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #hand: Hand;
  #closed = false;
  #refused: string | null = null;

  /** @param changed called when `link` or `labels` have changed. */
  constructor(labels: readonly string[], token: string | null, hand: Hand, changed: () => void) {
    this.labels = labels;
    this.#token = token;
    this.#hand = hand;
    this.#changed = changed;
    window.addEventListener("online", this.#retryNow);
    this.#connect();
  }

  async read(shot: Shot, hand: Hand): Promise<Reading> {
    if (hand !== this.#hand) {
      this.#hand = hand; // the service learns it when a stream begins
      this.#drop("the hand was changed");
      this.#connect();
    }
    const { height, width } = shot;
    const movement = this.#tracker.step(shot.seconds, { height, width, pixels: withoutAlpha(shot.rgba) });
    const jpeg = await this.#encoded(shot);
    const { probabilities, milliseconds, hand: found } = await this.#ask(shot.seconds, jpeg);
    const side = hand === "auto" ? (found ?? null) : hand;
    const answer = Float32Array.from(probabilities);
    return { seconds: shot.seconds, probabilities: answer, milliseconds, movement, hand: side, found: null };
  }

  async photo(_picture: Picture, file: Blob): Promise<Float32Array> {
    let answer: Response;
    try {
      answer = await fetch(beside("v1/predict"), {
        method: "POST",
        body: file,
        headers: { "Content-Type": file.type || "application/octet-stream", ...authorised(this.#token) },
      });
    } catch {
      throw new RecognitionError("the service cannot be reached");
    }
    const body: unknown = await answer.json().catch(() => null);
    if (!answer.ok) throw new RecognitionError(explained(body) ?? `the service answered ${answer.status}`);
    const first = (body as { predictions?: { probabilities: Record<string, number> }[] } | null)?.predictions?.[0];
    if (first === undefined) throw new RecognitionError("the service's answer cannot be understood");
    return Float32Array.from(this.labels, (label) => first.probabilities[label] ?? 0);
  }

  close(): void {
    this.#closed = true;
    window.removeEventListener("online", this.#retryNow);
    clearTimeout(this.#retryTimer);
    this.#drop("the connection was closed");
  }

  #connect(): void {
    clearTimeout(this.#retryTimer);
    const address = beside("v1/stream");
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#refused = null;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      const token = this.#token === null ? {} : { token: this.#token };
      socket.send(JSON.stringify({ type: "hello", hand: this.#hand, ...token }));
    };
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = ({ reason }) => {
      if (this.#socket === socket) this.#ended(reason);
    };
  }

  #ended(reason: string): void {
    if (reason === IDLE && this.link.state === "ready") {
      this.#drop(reason); // nothing was sent for a while: no camera runs, or another part of the page is looked at
      this.#connect();
    } else if (this.#refused === NO_TOKEN) {
      this.#drop(NO_TOKEN);
      this.link = { state: "failed", detail: NO_TOKEN };
      this.#changed();
    } else this.#lost(this.#refused ?? (reason || "the service cannot be reached"));
  }

  #take(text: string): void {
    const message = JSON.parse(text) as FromService;
    switch (message.type) {
      case "ready":
        this.labels = message.labels;
        this.#tracker = new MovementTracker();
        this.#backoff.reset();
        this.link = { state: "ready" };
        this.#changed();
        break;
      case "reading":
        this.#settle()?.resolve(message);
        break;
      case "problem": {
        const why = explained(message) ?? "the service reports a problem";
        if (this.link.state === "ready") this.#settle()?.reject(new RecognitionError(why));
        else this.#refused = message.status === 401 ? NO_TOKEN : why;
        break;
      }
    }
  }

  #ask(seconds: number, jpeg: ArrayBuffer): Promise<Answer> {
    const socket = this.#socket;
    if (socket === null || this.link.state !== "ready") {
      return Promise.reject(new RecognitionError("the service is not connected"));
    }
    const message = new Uint8Array(8 + jpeg.byteLength);
    new DataView(message.buffer).setFloat64(0, seconds, true);
    message.set(new Uint8Array(jpeg), 8);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#answerBy = setTimeout(() => {
        this.#drop("the service does not answer");
        this.#lost("the service does not answer");
      }, LONGEST_ANSWER);
      socket.send(message);
    });
  }

  #settle(): Waiting | null {
    clearTimeout(this.#answerBy);
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }

  #drop(reason: string): void {
    const socket = this.#socket;
    this.#socket = null;
    this.link = { state: "loading", detail: "connecting" };
    socket?.close();
    this.#settle()?.reject(new RecognitionError(reason));
  }

  #lost(reason: string): void {
    this.#socket = null;
    this.#settle()?.reject(new RecognitionError(reason));
    if (this.#closed) return;
    const wait = this.#backoff.next();
    const detail = navigator.onLine ? reason : `${reason}; this device is offline`;
    this.link = { state: "waiting", detail, retryAt: performance.now() + wait };
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
    this.#changed();
  }

  #retry(): void {
    if (this.link.state === "waiting") this.#connect();
  }

  #encoded({ width, height, rgba }: Picture): Promise<ArrayBuffer> {
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#canvas.getContext("2d")?.putImageData(new ImageData(rgba, width, height), 0, 0);
    return new Promise((resolve, reject) => {
      this.#canvas.toBlob(
        (blob) => {
          if (blob === null) reject(new RecognitionError("this browser cannot encode pictures"));
          else resolve(blob.arrayBuffer());
        },
        "image/jpeg",
        JPEG_QUALITY,
      );
    });
  }
}

/** The words of a problem (RFC 9457), or null. */
function explained(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const { title, detail } = body as { title?: unknown; detail?: unknown };
  const words = [title, detail].filter((each): each is string => typeof each === "string" && each !== "");
  return words.length > 0 ? words.join(": ") : null;
}
