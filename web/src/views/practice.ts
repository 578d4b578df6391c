/** Practice: asks for letters or words, shows the sign as a hint, and keeps the score. */

import { button, fill, h, say } from "../dom";
import { forget, keep, recall, recallOneOf } from "../kept";
import { failing, parseProgress, totals } from "../practice/progress";
import { type Outcome, type PracticeKind, Session } from "../practice/session";
import { lettersOf } from "../practice/words";
import type { Event } from "../spelling/event";
import { Choices } from "./choices";
import { described, named, picture } from "./signs";

export class PracticeView {
  readonly element: HTMLElement;
  readonly #said: (words: string) => void;
  readonly #prompt = h("div", { class: "prompt", id: "prompt" });
  readonly #feedback = h("p", { class: "feedback", id: "feedback" });
  readonly #hint = h("div", { class: "hint-sign" });
  readonly #hintBox: HTMLInputElement;
  readonly #score = h("p", { class: "score", id: "score" });
  readonly #fails = h("p", { class: "fails", id: "fails" });
  readonly #warning = h("p", { class: "note" });
  readonly #skip: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  #kind: PracticeKind = recallOneOf<PracticeKind>("practice-kind", ["letters", "words"], "letters");
  #labels: readonly string[] = [];
  #session: Session | null = null;
  #weak: ReadonlyMap<string, string> = new Map();
  #sure: ReturnType<typeof setTimeout> | undefined;

  /** @param said tells screen readers. */
  constructor(said: (words: string) => void) {
    this.#said = said;
    this.#hintBox = h("input", { type: "checkbox", id: "hint", role: "switch" });
    this.#hintBox.checked = recall("practice-hint") !== false;
    this.#hintBox.addEventListener("change", () => {
      keep("practice-hint", this.#hintBox.checked);
      this.#show();
    });
    this.#skip = button("Skip", () => this.#took(this.#session?.skip(now()) ?? "wrong", "Skipped."), { id: "skip" });
    this.#reset = button("Reset the score", () => this.#askReset(), { id: "reset" });
    const kinds = new Choices<PracticeKind>(
      "practice-kind",
      "Practise",
      [
        ["letters", "letters"],
        ["words", "words"],
      ],
      this.#kind,
      (kind) => {
        this.#kind = kind;
        keep("practice-kind", kind);
        this.#begin();
      },
    );
    this.element = h(
      "section",
      { class: "card practice", "aria-labelledby": "practice-title" },
      h("h2", { id: "practice-title" }, "Practise"),
      h(
        "div",
        { class: "practice-top" },
        kinds.element,
        h("label", { class: "switch" }, this.#hintBox, h("span", {}, "Show the sign")),
      ),
      h(
        "div",
        { class: "practice-now" },
        h("div", { class: "practice-ask" }, this.#prompt, this.#feedback),
        this.#hint,
      ),
      this.#warning,
      h("div", { class: "buttons" }, this.#skip, this.#reset),
      h("div", { class: "practice-score" }, this.#score, this.#fails),
    );
    this.#show();
  }

  /** @param weak letters that the recogniser often misses, with words for how often. */
  know(labels: readonly string[], weak: ReadonlyMap<string, string>): void {
    this.#weak = weak;
    if (labels.join() === this.#labels.join()) return;
    this.#labels = labels;
    this.#begin();
  }

  /** The practice is looked at from now on. */
  enter(): void {
    this.#session?.restartClock(now());
  }

  /** Take what the speller reports. */
  take(event: Event): void {
    const session = this.#session;
    if (session === null || session.letter === "" || event.label.length > 1) return;
    const wanted = session.letter;
    if (event.kind === "written") this.#took(session.written(event.label, now()), `Right: ${wanted}.`, event.label);
    if (event.kind === "revised") this.#took(session.revised(event.label, now()), `Right: ${wanted}.`, event.label);
  }

  #took(outcome: Outcome, right: string, shown = ""): void {
    const session = this.#session;
    if (session === null) return;
    const next = outcome === "done" ? ` Next: ${session.asked.text}.` : "";
    const words = outcome === "wrong" ? `That was read as ${shown}. Asked: ${session.letter}.` : right + next;
    this.#feedback.dataset.outcome = right === "Skipped." ? "skipped" : outcome;
    say(this.#feedback, words);
    this.#said(words);
    keep("practice", session.progress);
    this.#show();
  }

  #begin(): void {
    this.#session = new Session(this.#kind, this.#labels, parseProgress(recall("practice")), now(), Math.random);
    say(this.#feedback, "");
    this.#show();
  }

  #show(): void {
    const letter = this.#session?.letter ?? "";
    this.#skip.disabled = letter === "";
    if (letter === "" || this.#session === null) {
      const why = this.#labels.length === 0 ? "Getting ready …" : "This recogniser knows too few letters for that.";
      fill(this.#prompt, h("span", { class: "prompt-words" }, why));
      fill(this.#hint);
      return;
    }
    const { text, at } = this.#session.asked;
    this.#prompt.dataset.letter = letter;
    this.#prompt.dataset.asked = text;
    fill(
      this.#prompt,
      h("span", { class: "prompt-words" }, this.#kind === "letters" ? "Show" : "Spell"),
      h("span", { class: "only-read" }, `${text}${this.#kind === "words" ? `, now ${letter}` : ""}`),
      h(
        "span",
        { class: "prompt-text", "aria-hidden": "true" },
        ...[...text].map((each, index) =>
          h("span", { class: index < at ? "had" : index === at ? "now" : "later" }, each),
        ),
      ),
    );
    if (this.#hintBox.checked)
      fill(this.#hint, picture(letter, false), h("p", { "aria-hidden": "true" }, described(letter)));
    else fill(this.#hint);
    say(this.#warning, this.#weak.get(letter) ?? "");
    this.#showScore();
  }

  #showScore(): void {
    const progress = this.#session?.progress ?? parseProgress(recall("practice"));
    const { asked, right, seconds } = totals(progress);
    this.#score.dataset.right = String(right);
    this.#score.dataset.asked = String(asked);
    const words = progress.words.asked > 0 ? ` · words: ${progress.words.right} of ${progress.words.asked}` : "";
    const pace = seconds === null ? "" : ` · ${seconds.toFixed(1)} s each`;
    say(this.#score, asked === 0 ? "Nothing asked yet." : `${right} of ${asked} letters right at once${pace}${words}`);
    const fails = failing(progress).slice(0, 8);
    fill(
      this.#fails,
      ...(fails.length === 0
        ? []
        : [
            "Practise these: ",
            ...fails.map((each) => h("span", { class: "chip" }, `${named(each.letter)} ${each.right}/${each.asked}`)),
          ]),
    );
    this.#reset.disabled = asked === 0;
  }

  /** Twice, so that nobody loses a score by one press. */
  #askReset(): void {
    clearTimeout(this.#sure);
    if (this.#reset.dataset.sure === "yes") {
      this.#reset.dataset.sure = "";
      say(this.#reset, "Reset the score");
      forget("practice");
      this.#begin();
      this.#said("The score is empty.");
      return;
    }
    this.#reset.dataset.sure = "yes";
    say(this.#reset, "Press again to reset");
    this.#sure = setTimeout(() => {
      this.#reset.dataset.sure = "";
      say(this.#reset, "Reset the score");
    }, 4000);
  }
}

/** Whether there is anything to practise with these labels. */
export function practisable(labels: readonly string[]): boolean {
  return lettersOf(labels).length > 0;
}

function now(): number {
  return performance.now() / 1000;
}
