/**
 * Is the adapted layer better for this person? Photos take turns in being held back, and tell. Python's original:
 * src/fingerspell/live/adapting/check.py.
 */

import { type Head, probabilitiesOf, softmax } from "./head";
import { changed, logitsOf, PULLS, solve, type Task, taskOf } from "./refit";

const LEAST = 1e-12;
const CHECK_TOLERANCE = 1e-4;
const Z = 1.959963984540054; // 95%

/** As on the Python side: photos that must be held back in turn. */
export const FEWEST = 10;

/** A photo as the last layer reads it. */
export interface OwnPhoto {
  /** Place of its label. */
  readonly label: number;
  /** Which turn it is held back in; −1: never. Photos of one turn were taken at about one moment. */
  readonly turn: number;
  /** Its own features, then those of its variations; D each. */
  readonly features: readonly Float32Array[];
}

export interface Score {
  readonly photos: number;
  readonly right: number;
  /** Mean of −log(probability of the right label). */
  readonly loss: number;
}

export interface Checked {
  readonly before: Score;
  readonly after: Score;
  readonly pull: number;
  /** Photos that were named wrong before and are named right after. */
  readonly gained: number;
  /** The other way round. */
  readonly lost: number;
}

/** More right answers, by more than a throw of coins would give; or the same answers, more certainly right. */
export function isBetter({ before, after, gained, lost }: Checked): boolean {
  if (gained === 0 && lost === 0) return after.loss < before.loss;
  return gained - lost >= Math.sqrt(gained + lost);
}

/** Photos that are held back at some turn, if their letter has another one, and the letters that have. */
export function enough(photos: readonly OwnPhoto[]): boolean {
  const counts = new Map<number, number>();
  for (const { label } of photos) counts.set(label, (counts.get(label) ?? 0) + 1);
  const several = [...counts.values()].filter((count) => count >= 2);
  return several.length >= 2 && several.reduce((sum, count) => sum + count, 0) >= FEWEST;
}

/** 95% interval of a share (Wilson 1927). */
export function wilson(right: number, total: number): [number, number] {
  const share = right / total;
  const square = (Z * Z) / total;
  const middle = (share + square / 2) / (1 + square);
  const half = (Z * Math.sqrt((share * (1 - share)) / total + square / (4 * total))) / (1 + square);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** Adapt without each turn's photos, and ask about them. */
export function check(
  head: Head,
  photos: readonly OwnPhoto[],
  progress: (done: number, total: number) => void = () => {},
): Checked {
  const turns = [...new Set(photos.map(({ turn }) => turn))].filter((turn) => turn >= 0).sort((a, b) => a - b);
  const held = photos.filter(({ turn }) => turn >= 0);
  const byPull = PULLS.map(() => new Map<OwnPhoto, Float64Array>());
  for (const [number, turn] of turns.entries()) {
    const task = taskFor(
      head,
      photos.filter((photo) => photo.turn !== turn),
    );
    let change: Float64Array | null = null;
    for (const [place, pull] of PULLS.entries()) {
      change = solve(task, pull, change, CHECK_TOLERANCE);
      for (const photo of held.filter((each) => each.turn === turn))
        byPull[place]?.set(photo, softmax(logitsOf(task, change, photo.features[0] as Float32Array)));
      progress(number * PULLS.length + place + 1, turns.length * PULLS.length);
    }
  }
  const losses = byPull.map((answers) => held.map((photo) => lossOf(answers.get(photo) as Float64Array, photo.label)));
  const after = held.map((photo) => {
    const others = [...held.keys()].filter((index) => (held[index] as OwnPhoto).turn !== photo.turn);
    const asked = others.length > 0 ? others : [...held.keys()];
    const place = chosen(losses.map((row) => asked.map((index) => row[index] as number)));
    return byPull[place]?.get(photo) as Float64Array;
  });
  const before = held.map((photo) => Float64Array.from(probabilitiesOf(head, photo.features[0] as Float32Array)));
  const was = before.map((answer, index) => isRight(answer, held[index] as OwnPhoto));
  const now = after.map((answer, index) => isRight(answer, held[index] as OwnPhoto));
  return {
    before: scored(before, held),
    after: scored(after, held),
    pull: PULLS[chosen(losses)] as number,
    gained: now.filter((right, index) => right && !was[index]).length,
    lost: was.filter((right, index) => right && !now[index]).length,
  };
}

/** The layer that has learnt from all photos. */
export function adapted(head: Head, photos: readonly OwnPhoto[], pull: number): Head {
  const task = taskFor(head, photos);
  return changed(head, task, solve(task, pull));
}

function taskFor(head: Head, photos: readonly OwnPhoto[]): Task {
  return taskOf(
    head,
    photos.flatMap(({ features }) => features),
    photos.flatMap(({ features, label }) => features.map(() => label)),
  );
}

/** Place of the strongest pull whose mean loss is within one standard error of the least. */
function chosen(losses: readonly (readonly number[])[]): number {
  const means = losses.map(meanOf);
  const least = Math.min(...means);
  const best = losses[means.indexOf(least)] as readonly number[];
  const error = Math.sqrt(meanOf(best.map((each) => (each - least) ** 2)) / best.length);
  return means.findIndex((mean) => mean <= least + error);
}

function scored(answers: readonly Float64Array[], photos: readonly OwnPhoto[]): Score {
  const right = answers.filter((answer, index) => isRight(answer, photos[index] as OwnPhoto)).length;
  const losses = answers.map((answer, index) => lossOf(answer, photos[index]?.label as number));
  return { photos: photos.length, right, loss: meanOf(losses) };
}

function isRight(answer: Float64Array, { label }: OwnPhoto): boolean {
  return answer.indexOf(Math.max(...answer)) === label;
}

function lossOf(answer: Float64Array, label: number): number {
  return -Math.log(Math.max(answer[label] as number, LEAST));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
