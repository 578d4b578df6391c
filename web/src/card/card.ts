/** The bundle's card: what the recogniser can and cannot. What is missing was not measured; it is never 0. */

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

export interface Card {
  readonly labels: readonly string[];
  readonly upright: boolean;
  readonly network: string;
  readonly made: string;
  readonly parameters: number | null;
  /** Hardest first; those that were not measured last. */
  readonly scores: readonly Score[];
  readonly limits: readonly string[];
  readonly intendedUse: string;
  readonly motionLetters: string;
  readonly whoSigns: string;
  readonly learntFrom: readonly string[];
  readonly labelsAbsent: readonly string[];
  readonly licence: string;
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
    scores: scores.sort((a, b) => (a.accuracy ?? 2) - (b.accuracy ?? 2)),
    limits: strings(card.limits),
    intendedUse: text(card.intended_use),
    motionLetters: text(card.motion_letters),
    whoSigns: text(data.who_signs),
    learntFrom: [text(data.folder), ...list(data.also_learnt).map((each) => text(object(each).folder))].filter(Boolean),
    labelsAbsent: strings(card.labels_absent),
    licence: text(card.licence),
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

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
