/** The letter that is shown now, its certainty, the runners-up, and "please repeat". */

import { fill, h, say } from "../dom";
import { type Ranked, ranked } from "../recognition/types";
import { named } from "./signs";

const RUNNERS_UP = 3;
const CALM = 0.12; // seconds over which what is shown is averaged, so that it does not flicker
const REPEAT_SHOWN = 2500; // milliseconds

export class LetterView {
  readonly element: HTMLElement;
  readonly #glyph = h("div", { class: "glyph", "data-letter": "" }, "–");
  readonly #certainty = h("p", { class: "certainty" }, "No picture yet");
  readonly #ring = h("div", { class: "ring" });
  readonly #rows = Array.from({ length: RUNNERS_UP }, () => new Row());
  readonly #repeat = h("p", { class: "repeat", hidden: true });
  #mean: Float64Array | null = null;
  #seconds = 0;
  #repeatUntil: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    // What changes many times a second is for the eyes; what is written is announced in a live region of its own.
    this.#ring.append(this.#glyph);
    this.element = h(
      "section",
      { class: "card letter", "aria-labelledby": "letter-title" },
      h("h2", { id: "letter-title" }, "Letter"),
      h(
        "div",
        { class: "letter-now" },
        this.#ring,
        h(
          "div",
          { class: "letter-words" },
          this.#certainty,
          h("ol", { class: "runners-up", "aria-label": "Runners-up" }, ...this.#rows.map((row) => row.element)),
        ),
      ),
      this.#repeat,
    );
  }

  /** Show what was read at this moment. */
  show(labels: readonly string[], probabilities: ArrayLike<number>, seconds: number): void {
    const [best, ...others] = ranked(labels, this.#calmed(probabilities, seconds));
    if (best === undefined) return;
    this.#glyph.dataset.letter = best.label;
    this.#glyph.dataset.certainty = best.probability.toFixed(4);
    const none = best.label === "nothing";
    say(this.#glyph, none ? "–" : named(best.label));
    this.#glyph.classList.toggle("word", !none && best.label.length > 1);
    this.#ring.style.setProperty("--share", none ? "0" : String(best.probability));
    say(this.#certainty, none ? "No sign" : `${Math.round(best.probability * 100)}% certain`);
    for (const [index, row] of this.#rows.entries()) row.show(others[index]);
  }

  /** Nothing is looked at. */
  rest(words: string): void {
    this.#mean = null;
    say(this.#glyph, "–");
    this.#glyph.dataset.letter = "";
    this.#glyph.classList.remove("word");
    this.#ring.style.setProperty("--share", "0");
    say(this.#certainty, words);
    for (const row of this.#rows) row.show(undefined);
  }

  /** Ask to repeat; goes away by itself, or when something was written. */
  repeat(candidates: readonly (readonly [string, number])[]): void {
    const names = candidates.filter(([label]) => label !== "nothing").slice(0, 2);
    fill(
      this.#repeat,
      h("strong", {}, "Please repeat."),
      names.length > 0 ? ` It could be ${names.map(([label]) => named(label)).join(" or ")}.` : "",
    );
    this.#repeat.hidden = false;
    clearTimeout(this.#repeatUntil);
    this.#repeatUntil = setTimeout(() => this.understood(), REPEAT_SHOWN);
  }

  understood(): void {
    this.#repeat.hidden = true;
  }

  #calmed(probabilities: ArrayLike<number>, seconds: number): ArrayLike<number> {
    const before = this.#mean;
    const keep = before === null ? 0 : Math.exp(-Math.max(0, seconds - this.#seconds) / CALM);
    this.#seconds = seconds;
    this.#mean = Float64Array.from(probabilities, (each, index) => each * (1 - keep) + (before?.[index] ?? 0) * keep);
    return this.#mean;
  }
}

/** A runner-up with its bar. */
class Row {
  readonly element = h("li");
  readonly #label = h("span", { class: "runner-label" });
  readonly #bar = h("span", { class: "bar" }, h("span", {}));
  readonly #share = h("span", { class: "runner-share" });

  constructor() {
    this.element.append(this.#label, this.#bar, this.#share);
  }

  show(each: Ranked | undefined): void {
    this.element.classList.toggle("empty", each === undefined);
    say(this.#label, each === undefined ? " " : named(each.label));
    say(this.#share, each === undefined ? " " : `${Math.round(each.probability * 100)}%`);
    (this.#bar.firstElementChild as HTMLElement).style.width = `${100 * (each?.probability ?? 0)}%`;
  }
}
