/** The video's frames, as they come: each is announced once, and cut out only when somebody is free to look at it. */

import type { Shot } from "../recognition/types";
import { type Box, fitted, pixels, type Size } from "./box";

/** Longest side of what is looked at: networks of this kind use far less. */
export const LARGEST_SIDE = 256;
/** Longest side of a whole frame in which the hand is to be found: small hands need more. */
export const LARGEST_FRAME = 640;

export class Frames {
  readonly #video: HTMLVideoElement;
  readonly #canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D;
  readonly #came: (arrived: number) => void;
  #running = false;
  #shown = -1;

  /** @param came called for each new frame with its time of arrival, milliseconds on the page's clock. */
  constructor(video: HTMLVideoElement, came: (arrived: number) => void) {
    this.#video = video;
    this.#came = came;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    if (context === null) throw new Error("this browser draws no pictures (no 2D canvas)");
    this.#context = context;
  }

  get size(): Size | null {
    const { videoWidth: width, videoHeight: height } = this.#video;
    return width > 0 && height > 0 ? { width, height } : null;
  }

  run(running: boolean): void {
    const begins = running && !this.#running;
    this.#running = running;
    if (begins) this.#wait();
  }

  /** The frame that is shown now, inside the box; null while there is none. */
  cut(box: Box, arrived: number): Shot | null {
    const size = this.size;
    if (size === null || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    return this.#draw(pixels(fitted(box, size), size), LARGEST_SIDE, arrived, false);
  }

  /** The whole frame that is shown now; null while there is none. */
  whole(arrived: number): Shot | null {
    const size = this.size;
    if (size === null || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    return this.#draw({ left: 0, top: 0, ...size }, LARGEST_FRAME, arrived, true);
  }

  #draw(from: Box, largest: number, arrived: number, whole: boolean): Shot {
    const scale = Math.min(1, largest / Math.max(from.width, from.height));
    const width = Math.max(1, Math.round(from.width * scale));
    const height = Math.max(1, Math.round(from.height * scale));
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(this.#video, from.left, from.top, from.width, from.height, 0, 0, width, height);
    const { data } = this.#context.getImageData(0, 0, width, height);
    return { seconds: arrived / 1000, width, height, rgba: data, whole };
  }

  #wait(): void {
    if (!this.#running) return;
    if ("requestVideoFrameCallback" in this.#video) {
      this.#video.requestVideoFrameCallback((now) => this.#frame(now));
    } else {
      requestAnimationFrame((now) => this.#frame(now, true));
    }
  }

  #frame(now: number, polled = false): void {
    if (!this.#running) return;
    const fresh = !polled || this.#video.currentTime !== this.#shown; // polling meets the same frame several times
    this.#shown = this.#video.currentTime;
    if (fresh && this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.#came(now);
    this.#wait();
  }
}
