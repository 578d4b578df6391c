/** The bundle's card: what the recogniser can and cannot. What is missing was not measured; it is never 0. */

import type { FinderCard } from "../recognition/finder";

export interface Score {
  readonly source: string;
  readonly whereFrom: string;
  readonly photos: number | null;
  /** Share of right answers, 0–1. */
  readonly accuracy: number | null;
  /** 95% interval of it. */
  readonly interval: readonly [number, number] | null;
  readonly recall: ReadonlyMap<string, number | null>;
}

/** How far a letter can be relied on, from its photos in the hardest test that shows it. */
export type Mark = "good" | "fair" | "weak" | "unknown";

/** Photos that the recogniser learnt from, in its maker's words. */
export interface LearntSource {
  readonly name: string;
  readonly whereFrom: string;
  readonly licence: string;
  readonly photos: number | null;
  readonly people: string;
}

export interface Card {
  readonly labels: readonly string[];
  readonly upright: boolean;
  readonly network: string;
  readonly made: string;
  readonly parameters: number | null;
  /** What the logits are divided by; 1 where the card does not say. */
  readonly temperature: number;
  /** Hardest first; those that were not measured last. */
  readonly scores: readonly Score[];
  readonly limits: readonly string[];
  readonly intendedUse: string;
  readonly motionLetters: string;
  readonly whoSigns: string;
  readonly learntFrom: readonly string[];
  readonly labelsAbsent: readonly string[];
  readonly licence: string;
  /** Empty where it was not worked out. */
  readonly reliability: ReadonlyMap<string, Mark>;
  /** The tests that the marks are from. */
  readonly reliabilityFrom: readonly string[];
  /** The probability from which an answer is sure, 0–1; null where the card says none. */
  readonly sureFrom: number | null;
  readonly notFor: readonly string[];
  readonly sources: readonly LearntSource[];
  /** null where the bundle has none. */
  readonly finder: FinderCard | null;
}

/** Below this share of its photos recognised, a letter counts as one that is often missed. */
export const LOW_RECALL = 0.5;

/** Read a card. Throws where it is no card at all; otherwise takes what is there. */
export function parseCard(value: unknown): Card {
  const card = object(value);
  const labels = strings(card.labels);
  if (labels.length === 0) throw new Error("the bundle's card names no labels");
  const data = object(card.data);
  const scores = list(card.scores).map(parseScore);
  return {
    labels,
    upright: object(card.preprocess).upright !== false,
    network: text(card.network),
    made: text(card.made),
    parameters: number(card.parameters),
    temperature: number(card.temperature) ?? 1,
    scores: scores.sort((a, b) => (a.accuracy ?? 2) - (b.accuracy ?? 2)),
    limits: strings(card.limits),
    intendedUse: text(card.intended_use),
    motionLetters: text(card.motion_letters),
    whoSigns: text(data.who_signs),
    learntFrom: [text(data.folder), ...list(data.also_learnt).map((each) => text(object(each).folder))].filter(Boolean),
    labelsAbsent: strings(card.labels_absent),
    licence: text(card.licence),
    reliability: new Map(Object.entries(object(card.reliability)).filter(isMark)),
    reliabilityFrom: strings(card.reliability_from),
    sureFrom: share(object(card.calibration).answer_from),
    notFor: strings(card.not_for),
    sources: list(data.sources).map(parseSource),
    finder: parseFinder(object(card.finder)),
  };
}

function parseFinder({ input, framing: given, score }: Record<string, unknown>): FinderCard | null {
  const [height, width] = list(input).map(number);
  const [framing, threshold] = [number(given), share(score)];
  if (typeof height !== "number" || typeof width !== "number" || framing === null || threshold === null) return null;
  return height >= 8 && width >= 8 && framing >= 1 ? { pixels: height * width, framing, threshold } : null;
}

function isMark(entry: [string, unknown]): entry is [string, Mark] {
  return ["good", "fair", "weak", "unknown"].includes(entry[1] as string);
}

function parseSource(value: unknown): LearntSource {
  const source = object(value);
  const { people } = source;
  return {
    name: text(source.name) || "unnamed",
    whereFrom: text(source.where_from),
    licence: text(source.licence),
    photos: number(source.photos),
    people: typeof people === "number" ? String(people) : text(people),
  };
}

function parseScore(value: unknown): Score {
  const score = object(value);
  const [low, high] = list(score.interval).map(number);
  return {
    source: text(score.source) || "unnamed",
    whereFrom: text(score.where_from),
    photos: number(score.photos),
    accuracy: number(score.accuracy),
    interval: typeof low === "number" && typeof high === "number" ? [low, high] : null,
    recall: new Map(Object.entries(object(score.recall_by_label)).map(([label, share]) => [label, number(share)])),
  };
}

/** The source with the lowest accuracy that was measured. */
export function hardest(card: Card): Score | null {
  return card.scores.find((score) => score.accuracy !== null) ?? null;
}

export interface Weakness {
  readonly label: string;
  /** The lowest share of its photos that was recognised in any source, 0–1; null where it was never measured. */
  readonly recall: number | null;
  readonly source: string;
}

/** For each label its worst source; lowest first, unmeasured last. */
export function weaknesses(card: Card): Weakness[] {
  return card.labels
    .map((label): Weakness => {
      let worst: Weakness = { label, recall: null, source: "" };
      for (const { source, recall } of card.scores) {
        const share = recall.get(label) ?? null;
        if (share !== null && (worst.recall === null || share < worst.recall)) worst = { label, recall: share, source };
      }
      return worst;
    })
    .sort((a, b) => (a.recall ?? 2) - (b.recall ?? 2));
}

/** A share as people read it; null was not measured. */
export function percent(share: number | null): string {
  return share === null ? "not measured" : `${Math.round(share * 100)}%`;
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function strings(value: unknown): string[] {
  return list(value).filter((each): each is string => typeof each === "string");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function share(value: unknown): number | null {
  const found = number(value);
  return found !== null && found >= 0 && found <= 1 ? found : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
