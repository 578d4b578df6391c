/** Where recognition runs: in the page if it can, else by the service; and the words that say so. */

import { type Card, parseCard } from "../card/card";
import { readHead } from "../personal/head";
import { type Base, digestOf } from "../personal/own";
import { beside, fetchCard, fetchNetwork } from "./bundle";
import { LocalRecogniser } from "./local";
import type { FinderFile } from "./messages";
import { type Recogniser, RecognitionError } from "./recogniser";
import { RemoteRecogniser } from "./remote";
import type { Hand, Place } from "./types";

export interface Status {
  readonly place: Place;
  readonly state: "loading" | "ready" | "waiting" | "failed";
  /** One line that always says where pictures are looked at. */
  readonly headline: string;
  /** Why it is so, or what is being waited for; may be "". */
  readonly detail: string;
}

/**
 * Whether the hand is found in whole frames: the bundle cannot (or nothing is known yet); it is; it would be, but this
 * is in the way.
 */
export type Finding =
  | { readonly state: "none" }
  | { readonly state: "ready" }
  | { readonly state: "not"; readonly why: string };

export interface Told {
  status(status: Status): void;
  /** The card and the labels are known. */
  card(card: Card | null, labels: readonly string[]): void;
  /** What a person's own layer is made for; null where there can be none: by the service, or without features. */
  base(base: Base | null): void;
  finding(finding: Finding): void;
}

export class Recognition {
  status: Status = { place: "page", state: "loading", headline: "Getting ready …", detail: "" };
  recogniser: Recogniser | null = null;
  readonly #told: Told;
  readonly #token: string | null;
  /** Whether a service may be there: a static host has none. */
  readonly serviceHere: boolean;
  #card: Card | null = null;
  #labels: readonly string[] = [];
  #attempt = 0;
  #why = "";
  #hand: Hand;

  constructor(token: string | null, serviceHere: boolean, hand: Hand, told: Told) {
    this.#token = token;
    this.serviceHere = serviceHere;
    this.#hand = hand;
    this.#told = told;
  }

  /** Begin, or change over. Falls back to the service where the page itself cannot. Never throws. */
  async use(place: Place, hand: Hand): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#hand = hand;
    this.#why = "";
    this.recogniser?.close();
    this.recogniser = null;
    this.#told.base(null);
    this.#told.finding({ state: "none" });
    const stale = () => attempt !== this.#attempt;
    if (place === "service") {
      this.#useService(stale);
      await this.#readCard(stale);
      return;
    }
    try {
      await this.#usePage(stale);
    } catch (error) {
      if (stale()) return;
      this.#fellOut(error instanceof Error ? error.message : String(error), stale);
    }
  }

  async #usePage(stale: () => boolean): Promise<void> {
    this.#say("page", "loading", "fetching the recogniser");
    await this.#readCard(stale);
    if (stale()) return;
    if (this.#card === null) throw new RecognitionError(this.#why || "the bundle's card is missing");
    const model = await fetchNetwork("model.onnx", this.#token, (come, all) => {
      if (!stale())
        this.#say(
          "page",
          "loading",
          `fetching the recogniser: ${megabytes(come)}${all === null ? "" : ` of ${megabytes(all)}`}`,
        );
    });
    if (stale()) return;
    const finder = await this.#fetchFinder(stale);
    const base = await baseOf(model, this.#card);
    if (stale()) return;
    this.#say("page", "loading", "warming up");
    const local = new LocalRecogniser(this.#card.labels, beside("ort/"), () => this.#follow(local, stale));
    this.recogniser = local;
    await local.start(model, finder instanceof RecognitionError ? null : finder);
    if (stale() || this.recogniser !== local) return;
    this.#told.base(base);
    const why = finder instanceof RecognitionError ? finder.message : local.finderProblem;
    if (local.finds) this.#told.finding({ state: "ready" });
    else if (why !== null) this.#told.finding({ state: "not", why: `The hand cannot be found: ${why}.` });
  }

  /** The bundle's finder; null where it has none. What goes wrong is given back: letters are recognised all the same. */
  async #fetchFinder(stale: () => boolean): Promise<FinderFile | RecognitionError | null> {
    const card = this.#card?.finder ?? null;
    if (card === null) return null;
    this.#say("page", "loading", "fetching what finds the hand");
    try {
      const onnx = await fetchNetwork("finder.onnx", this.#token, (come) => {
        if (!stale()) this.#say("page", "loading", `fetching what finds the hand: ${megabytes(come)}`);
      });
      return { onnx, card };
    } catch (error) {
      return error instanceof RecognitionError ? error : new RecognitionError(String(error));
    }
  }

  /** The recogniser inside the page, if it is the one in use. */
  get local(): LocalRecogniser | null {
    return this.recogniser instanceof LocalRecogniser ? this.recogniser : null;
  }

  #follow(local: LocalRecogniser, stale: () => boolean): void {
    if (stale() || this.recogniser !== local) return;
    if (local.link.state === "ready") this.#say("page", "ready", "");
    if (local.link.state === "failed" && this.status.state === "ready") this.#fellOut(local.link.detail, stale);
  }

  #fellOut(reason: string, stale: () => boolean): void {
    this.#why = `The recogniser inside the page cannot be used: ${reason}.`;
    this.recogniser?.close();
    this.recogniser = null;
    this.#told.base(null);
    if (this.serviceHere) this.#useService(stale);
    else this.#say("page", "failed", `${this.#why} Load the page again, or try another browser.`);
  }

  #useService(stale: () => boolean): void {
    const remote = new RemoteRecogniser(this.#labels, this.#token, this.#hand, () => {
      if (stale()) return;
      if (remote.labels !== this.#labels) {
        this.#labels = remote.labels;
        this.#told.card(this.#card, this.#labels);
      }
      this.#sayOf(remote);
    });
    this.recogniser = remote;
    this.#sayOf(remote);
    this.#sayNotFound();
  }

  /** By the service, the hand is not found, though the bundle could. */
  #sayNotFound(): void {
    const why = "By the service the hand is not searched for: hold it inside the box.";
    this.#told.finding((this.#card?.finder ?? null) === null ? { state: "none" } : { state: "not", why });
  }

  #sayOf(remote: RemoteRecogniser): void {
    const { link } = remote;
    if (link.state === "waiting") {
      const wait = Math.max(1, Math.round((link.retryAt - performance.now()) / 1000));
      this.#say("service", "waiting", `${this.#why} No connection: ${link.detail}. Trying again in ${wait} s.`.trim());
    } else if (link.state === "failed") this.#say("service", "failed", `${this.#why} ${link.detail}.`.trim());
    else if (link.state === "ready") this.#say("service", "ready", this.#why);
    else this.#say("service", "loading", `${this.#why} Connecting …`.trim());
  }

  async #readCard(stale: () => boolean): Promise<void> {
    if (this.#card !== null) return;
    try {
      const card = parseCard(await fetchCard(this.#token));
      if (stale()) return;
      this.#card = card;
      this.#labels = card.labels;
      this.#told.card(card, card.labels);
      if (this.recogniser instanceof RemoteRecogniser) this.#sayNotFound();
    } catch (error) {
      if (!stale()) this.#why = error instanceof Error ? error.message : String(error);
    }
  }

  #say(place: Place, state: Status["state"], detail: string): void {
    this.status = { place, state, headline: headline(place, state), detail };
    this.#told.status(this.status);
  }
}

/** Bundles of format 1 name no last layer: they recognise all the same, and cannot be adapted here. */
async function baseOf(model: ArrayBuffer, card: Card): Promise<Base | null> {
  try {
    const head = readHead(new Uint8Array(model), card.temperature);
    const digest = head === null || head.classes !== card.labels.length ? null : await digestOf(model);
    return head === null || digest === null ? null : { head, digest, labels: card.labels };
  } catch {
    return null; // what is wrong with the model, ONNX Runtime says better
  }
}

function headline(place: Place, state: Status["state"]): string {
  const service = `By the service at ${location.hostname || "this address"}`;
  if (place === "service") {
    return {
      loading: `${service}: connecting`,
      ready: service,
      waiting: `${service}: no connection`,
      failed: `${service}: failed`,
    }[state];
  }
  const page = { loading: "In this page: getting ready", ready: "In this page: nothing is sent" };
  return state === "loading" || state === "ready" ? page[state] : "Not working";
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
