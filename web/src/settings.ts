/** The choices that a user makes once, kept on this device. */

import { type Box, parse } from "./camera/box";
import { forget, keep, recall, recallOneOf } from "./kept";
import type { Hand, Place } from "./recognition/types";

export type Theme = "auto" | "light" | "dark";

export class Settings {
  readonly camera = new Kept<string>("camera", (value) => (typeof value === "string" ? value : ""));
  readonly mirror = new Kept<boolean>("mirror", (value) => value !== false);
  readonly box = new Kept<Box | null>("box", parse);
  readonly find = new Kept<boolean>("find", (value) => value !== false);
  readonly hand = choice<Hand>("hand", ["right", "left", "auto"], "right");
  readonly suggest = new Kept<boolean>("suggest", (value) => value === true);
  readonly place = choice<Place>("place", ["page", "service"], "page");
  readonly theme = choice<Theme>("theme", ["auto", "light", "dark"], "auto");
}

/** A value that is written down when it changes. */
class Kept<T> {
  readonly #key: string;
  #value: T;

  constructor(key: string, read: (value: unknown) => T) {
    this.#key = key;
    this.#value = read(recall(key));
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    if (value === null) forget(this.#key);
    else keep(this.#key, value);
  }
}

function choice<T extends string>(key: string, choices: readonly T[], otherwise: T): Kept<T> {
  return new Kept<T>(key, () => recallOneOf(key, choices, otherwise));
}
