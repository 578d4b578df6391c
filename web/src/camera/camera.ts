/** The camera: started, stopped, chosen, lost and found again. */

import { type CameraProblem, INSECURE, LOST, problemOf, SILENT, UNSUPPORTED } from "./problem";

export type CameraState = "off" | "starting" | "running" | "lost";

export interface CameraChoice {
  readonly id: string;
  readonly name: string;
}

interface Told {
  state(state: CameraState): void;
  problem(problem: CameraProblem | null): void;
  choices(choices: readonly CameraChoice[], chosen: string): void;
}

const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

export class Camera {
  state: CameraState = "off";
  readonly #video: HTMLVideoElement;
  readonly #told: Told;
  #stream: MediaStream | null = null;
  #wanted: string;
  #attempt = 0;

  /**
   * @param video shows the preview.
   * @param wanted id of the camera that was chosen last, or "".
   */
  constructor(video: HTMLVideoElement, wanted: string, told: Told) {
    this.#video = video;
    this.#wanted = wanted;
    this.#told = told;
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#devicesChanged());
  }

  /** Start, or change over to the camera with this id. Never throws: what goes wrong is told. */
  async start(id = this.#wanted): Promise<void> {
    this.#wanted = id;
    this.#attempt += 1;
    const attempt = this.#attempt;
    if (navigator.mediaDevices?.getUserMedia === undefined) {
      this.#become("off");
      this.#told.problem(window.isSecureContext ? UNSUPPORTED : INSECURE);
      return;
    }
    const wasLost = this.state === "lost";
    this.#release();
    this.#become("starting");
    this.#told.problem(null);
    try {
      const stream = await this.#open(id);
      if (attempt !== this.#attempt) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.#follow(stream);
      this.#video.srcObject = stream;
      await this.#video.play().catch(() => undefined); // a paused preview still gives pictures once it is visible
      this.#become("running");
      await this.#list();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#become(wasLost ? "lost" : "off");
      this.#told.problem(wasLost ? LOST : problemOf(error));
    }
  }

  /** Let go of the camera; its light goes out. */
  stop(): void {
    this.#attempt += 1;
    this.#release();
    this.#become("off");
    this.#told.problem(null);
  }

  async #open(id: string): Promise<MediaStream> {
    const which = id === "" ? { facingMode: "user" } : { deviceId: { exact: id } };
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...WANTED, ...which } });
    } catch (error) {
      const gone = error instanceof Error && (error.name === "OverconstrainedError" || error.name === "NotFoundError");
      if (id === "" || !gone) throw error;
      return await navigator.mediaDevices.getUserMedia({ audio: false, video: WANTED }); // the chosen one is not there
    }
  }

  #follow(stream: MediaStream): void {
    this.#stream = stream;
    const track = stream.getVideoTracks()[0];
    if (track === undefined) return;
    track.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.#release();
      this.#become("lost");
      this.#told.problem(LOST);
    });
    track.addEventListener("mute", () => this.#stream === stream && this.#told.problem(SILENT));
    track.addEventListener("unmute", () => this.#stream === stream && this.#told.problem(null));
  }

  #release(): void {
    const stream = this.#stream;
    this.#stream = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
  }

  async #devicesChanged(): Promise<void> {
    await this.#list();
    if (this.state === "lost") await this.start();
  }

  async #list(): Promise<void> {
    try {
      const devices = await navigator.mediaDevices.enumerateDevices();
      const cameras = devices.filter((device) => device.kind === "videoinput" && device.deviceId !== "");
      const choices = cameras.map((each, index) => ({ id: each.deviceId, name: each.label || `Camera ${index + 1}` }));
      const chosen = this.#stream?.getVideoTracks()[0]?.getSettings().deviceId ?? this.#wanted;
      this.#told.choices(choices, chosen);
    } catch {
      this.#told.choices([], ""); // a list is a comfort: without it the browser's own choice is used
    }
  }

  #become(state: CameraState): void {
    this.state = state;
    this.#told.state(state);
  }
}
