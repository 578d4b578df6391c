/**
 * Probabilities over time → signs → text; the same as `fingerspell/live/spelling/speller.py`, event for event.
 *
 * A sign is written once it has led for the hold time with enough certainty, and again only after it has been gone for
 * the release time. What is written can be taken back by `del`, by undo, and by a stroke: an I that moves on becomes J.
 */

import type { Event } from "./event";
import { SignFilter } from "./filter";
import type { Movement } from "./movement";
import { DEFAULTS, type SpellingSettings } from "./settings";
import { type Slide, SlideReader } from "./slides";
import { STROKES, type Stroke, StrokeReader } from "./strokes";

/** How many signs an event names. */
export const CANDIDATES = 5;

const NOTHING = "nothing";
const SPACE = "space";
const DELETE = "del";

const UNDO = 1000; // texts that are kept: more than anybody takes back
const STILL_OF: Readonly<Record<string, string>> = { J: "I" }; // what a hand shows that holds a drawn letter's shape still
const REVISED = 2; // signs at most that are read into one stroke; more are signs that were meant
const READ_INTO: Readonly<Record<string, string>> = { J: "IY", Z: "DGLX" }; // what a hand resembles that draws
const MEANT = 0.75; // certainty from which another sign than those was meant
const ROUNDING = 1e-9; // seconds: three frames of a tenth make a hold of 0.3

/** The mean of probabilities over time, each frame weighted by the time it stands for. */
class Mean {
  seconds = 0;
  #total: Float64Array;

  constructor(labels: number) {
    this.#total = new Float64Array(labels);
  }

  clear(): void {
    this.#total = new Float64Array(this.#total.length);
    this.seconds = 0;
  }

  add(probabilities: Float64Array, elapsed: number): void {
    this.#total = this.#total.map((total, index) => total + (probabilities[index] as number) * elapsed);
    this.seconds += elapsed;
  }

  value(): Float64Array {
    return this.seconds > 0 ? this.#total.map((total) => total / this.seconds) : this.#total;
  }
}

/** A change of the text: when, the text before it, and the sign that made it with its certainty. */
interface Change {
  readonly seconds: number;
  readonly before: string;
  readonly label: string;
  readonly certainty: number;
}

/** What is known of the hand that is being shown. */
interface Shown {
  /** Index of the state that leads; the number of labels stands for "between signs". */
  leader: number;
  /** Seconds at which it began to lead. */
  since: number;
  /** Indices of the signs that have been written and not been released. */
  done: ReadonlySet<number>;
  /** Seconds since one of these led. */
  gone: number;
  /** The changes of the text since the last rest. */
  changes: Change[];
  /** Whether this hand has been asked to repeat. */
  asked: boolean;
}

const NOBODY: ReadonlySet<number> = new Set();

export class Speller {
  readonly labels: readonly string[];
  readonly settings: SpellingSettings;
  text = "";
  readonly #nothing: number;
  readonly #drawn: ReadonlySet<number>;
  readonly #filter: SignFilter;
  readonly #strokes: StrokeReader;
  readonly #slides = new SlideReader();
  readonly #lead: Mean;
  readonly #doubt: Mean;
  #texts: string[] = [];
  #seconds: number | null = null;
  #shown: Shown;

  constructor(labels: readonly string[], settings: Partial<SpellingSettings> = {}) {
    this.labels = labels;
    this.settings = { ...DEFAULTS, ...settings };
    this.#nothing = labels.indexOf(NOTHING);
    this.#drawn = new Set(STROKES.map((label) => labels.indexOf(label)));
    this.#filter = new SignFilter(labels.length, this.settings);
    this.#strokes = new StrokeReader(labels);
    this.#lead = new Mean(labels.length);
    this.#doubt = new Mean(labels.length);
    this.#shown = this.#nobodyYet(0);
  }

  /**
   * Take in what was seen at one moment.
   *
   * @param seconds of the frame; never earlier than the one before. A frame of the same moment says nothing new.
   * @param probabilities of the labels, 0–1.
   * @param movement of the hand, where it is known; J and Z need it.
   * @returns what happened at this frame, in order.
   */
  step(seconds: number, probabilities: ArrayLike<number>, movement: Movement | null = null): Event[] {
    const seen = this.#checked(seconds, probabilities);
    if (this.#seconds === null || seconds - this.#seconds > this.settings.gap) {
      this.#begin(seconds);
      return [];
    }
    const elapsed = seconds - this.#seconds;
    if (elapsed <= 0) return [];
    this.#seconds = seconds;
    const { motion } = this.settings;
    const stroke = motion ? this.#strokes.step(seconds, elapsed, seen, movement) : null;
    const slide = motion ? this.#slides.step(seconds, movement) : null;
    const still = this.#heldStill(seen);
    this.#follow(seconds, elapsed, still);
    if (stroke !== null) return this.#writeStroke(seconds, stroke);
    if (slide !== null && this.#repeats(slide)) return [this.#write(seconds, this.#lead.value(), this.#shown.leader)];
    const written = this.#writeHeld(seconds);
    return written.length > 0 ? written : this.#ask(seconds, elapsed, still);
  }

  /** The stream has ended. A hand that was shown, and of which nothing could be written, is reported as unsure. */
  finish(): Event[] {
    const now = this.#seconds;
    this.#seconds = null;
    const short = this.#doubt.seconds < this.settings.hold - ROUNDING;
    if (now === null || this.#shown.asked || this.#shown.done.size > 0 || short) return [];
    return [this.#event("unsure", now, this.#doubt.value())];
  }

  /** Take the last change of the text back, whatever made it. Returns the text. */
  undo(): string {
    this.text = this.#texts.pop() ?? this.text;
    return this.text;
  }

  /** Empty the text; `undo` brings it back. Returns the text. */
  clear(): string {
    if (this.text !== "") this.#change("");
    return this.text;
  }

  /**
   * Add what was typed, not signed; `undo` takes it back. Returns the text. The Python side has no keyboard.
   *
   * @param instead how many of the last characters it replaces, in the same change.
   */
  type(characters: string, instead = 0): string {
    this.#shown.changes = []; // a letter that is being drawn takes back what was read into it, not what was typed
    this.#change(this.text.slice(0, this.text.length - instead) + characters);
    return this.text;
  }

  /** Whether `undo` would change anything. */
  get undoable(): boolean {
    return this.#texts.length > 0;
  }

  #checked(seconds: number, probabilities: ArrayLike<number>): Float64Array {
    const seen = Float64Array.from(probabilities);
    if (seen.length !== this.labels.length || !seen.every((each) => Number.isFinite(each) && each >= 0)) {
      throw new RangeError(`probabilities must be ${this.labels.length} numbers from 0 to 1`);
    }
    if (!Number.isFinite(seconds) || (this.#seconds !== null && seconds < this.#seconds)) {
      throw new RangeError(`a frame of ${seconds} s came after one of ${this.#seconds} s`);
    }
    return seen;
  }

  #nobodyYet(seconds: number): Shown {
    return { leader: this.labels.length, since: seconds, done: NOBODY, gone: 0, changes: [], asked: false };
  }

  #begin(seconds: number): void {
    this.#seconds = seconds;
    this.#filter.reset();
    this.#strokes.reset();
    this.#slides.reset();
    this.#lead.clear();
    this.#doubt.clear();
    this.#shown = this.#nobodyYet(seconds);
  }

  /** Until it is drawn, a J is an I: no picture can tell them apart. */
  #heldStill(seen: Float64Array): Float64Array {
    if (!this.settings.motion) return seen;
    const still = seen.slice();
    for (const [drawn, held] of Object.entries(STILL_OF)) {
      const [from, to] = [this.labels.indexOf(drawn), this.labels.indexOf(held)];
      if (from < 0 || to < 0) continue;
      still[to] = (still[to] as number) + (still[from] as number);
      still[from] = 0;
    }
    return still;
  }

  /** Bring up to date which state leads, since when, how sure it is, and what has been released. */
  #follow(seconds: number, elapsed: number, seen: Float64Array): void {
    this.#filter.step(elapsed, seen);
    const leader = largest(this.#filter.belief);
    const shown = this.#shown;
    if (leader !== shown.leader) {
      shown.leader = leader;
      shown.since = seconds - elapsed / 2; // at some moment between the frames
      this.#lead.clear();
    }
    this.#lead.add(seen, elapsed);
    shown.gone = shown.done.has(leader) ? 0 : shown.gone + elapsed;
    if (shown.gone >= this.settings.release - ROUNDING) shown.done = NOBODY;
    if (leader === this.#nothing) shown.changes = [];
  }

  #writeHeld(seconds: number): Event[] {
    const { hold, certain, motion } = this.settings;
    const shown = this.#shown;
    const mean = this.#lead.value();
    const leader = shown.leader;
    if (leader === this.labels.length || leader === this.#nothing || shown.done.has(leader)) return [];
    if (motion && this.#drawn.has(leader)) return [];
    if (seconds - shown.since < hold - ROUNDING || (mean[leader] as number) < certain) return [];
    return [this.#write(seconds, mean, leader)];
  }

  /** Whether a sign that has been written was carried aside: a double letter. */
  #repeats(slide: Slide): boolean {
    const { leader, done, changes } = this.#shown;
    if (!done.has(leader) || [SPACE, DELETE, ...STROKES].includes(this.labels[leader] as string)) return false;
    const last = changes.at(-1);
    return last !== undefined && last.seconds <= slide.began;
  }

  #write(seconds: number, mean: Float64Array, leader: number): Event {
    const shown = this.#shown;
    const label = this.labels[leader] as string;
    shown.changes.push({ seconds, before: this.text, label, certainty: mean[leader] as number });
    shown.done = new Set([leader]);
    shown.gone = 0;
    this.#satisfied();
    if (label === DELETE) {
      this.#change(this.text.slice(0, -1));
      return this.#event("removed", seconds, mean, leader);
    }
    this.#change(this.text + (label === SPACE ? " " : label));
    return this.#event("written", seconds, mean, leader);
  }

  /** Write a letter that was drawn, in place of what was read into the hand while it was drawn. */
  #writeStroke(seconds: number, stroke: Stroke): Event[] {
    const shown = this.#shown;
    const during = this.#readInto(stroke);
    if (during.length > REVISED || during.some((change) => wasMeant(change, stroke))) return [];
    const before = during[0]?.before ?? this.text;
    shown.changes = [{ seconds, before: this.text, label: stroke.label, certainty: stroke.certainty }];
    const index = this.labels.indexOf(stroke.label);
    const still = this.labels.indexOf(STILL_OF[stroke.label] ?? stroke.label);
    // what rests after the stroke is its end, not a sign of its own; no hand, or one on its way, is a release
    const rests = [...stroke.shown, index, still, shown.leader];
    shown.done = new Set(rests.filter((each) => each >= 0 && each !== this.#nothing && each !== this.labels.length));
    shown.gone = 0;
    this.#satisfied();
    this.#change(before + stroke.label);
    const shape = 1 - stroke.certainty; // what is believed of the shapes; the path says the rest
    const believed = stroke.shapes.map((each, place) => each * shape + (place === index ? stroke.certainty : 0));
    return [this.#event(during.length > 0 ? "revised" : "written", seconds, believed, index)];
  }

  /** The changes that the stroke takes back: all made while it was drawn, and the shape that it began from. */
  #readInto(stroke: Stroke): Change[] {
    const changes = this.#shown.changes;
    const during = changes.filter((change) => change.seconds > stroke.began);
    const last = changes.at(-1);
    if (during.length === 0 && last !== undefined && readInto(stroke.label).includes(last.label)) return [last];
    return during;
  }

  /** Report a hand that has been shown for long without a sign that could be written. */
  #ask(seconds: number, elapsed: number, seen: Float64Array): Event[] {
    const shown = this.#shown;
    if (this.#nothing < 0) return []; // such a recogniser cannot tell an unclear hand from none
    if (shown.leader === this.#nothing) {
      this.#doubt.clear();
      shown.asked = false;
      return [];
    }
    if (shown.done.size > 0) return [];
    this.#doubt.add(seen, elapsed);
    if (shown.asked || this.#doubt.seconds < this.settings.patience - ROUNDING) return [];
    shown.asked = true;
    return [this.#event("unsure", seconds, this.#doubt.value())];
  }

  #satisfied(): void {
    this.#doubt.clear();
    this.#shown.asked = false;
  }

  #change(text: string): void {
    this.#texts = [...this.#texts.slice(1 - UNDO), this.text];
    this.text = text;
  }

  #event(kind: Event["kind"], seconds: number, mean: Float64Array, index: number | null = null): Event {
    const order = [...mean.keys()].sort((a, b) => (mean[b] as number) - (mean[a] as number)).slice(0, CANDIDATES);
    const candidates = order.map((place) => [this.labels[place] as string, mean[place] as number] as const);
    const chosen = index ?? (order[0] as number);
    const [label, certainty] = [this.labels[chosen] as string, mean[chosen] as number];
    return { kind, seconds, label, certainty, candidates, text: this.text };
  }
}

/** Whether it is a sign of its own, not one that was read into the stroke. */
function wasMeant(change: Change, stroke: Stroke): boolean {
  return change.certainty >= MEANT && ![...STROKES, ...readInto(stroke.label)].includes(change.label);
}

/** Signs that a hand resembles while it draws this letter. */
function readInto(label: string): string[] {
  return [...(READ_INTO[label] ?? "")];
}

/** Index of the largest value; the first of equal ones. */
function largest(values: Float64Array): number {
  let best = 0;
  for (const [index, value] of values.entries()) if (value > (values[best] as number)) best = index;
  return best;
}
