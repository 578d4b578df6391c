/** What screen readers are told: polite, one thing at a time, and the text only when it has come to rest. */

import { h } from "./dom";

const REST = 1500; // milliseconds without a change until the whole text is read

export class Announcer {
  readonly element: HTMLElement;
  readonly #letters = h("p", { "aria-live": "polite", "aria-atomic": "true", id: "said-letters" });
  readonly #text = h("p", { "aria-live": "polite", "aria-atomic": "true", id: "said-text" });
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.element = h("div", { class: "only-read" }, this.#letters, this.#text);
  }

  /** Something short, now. */
  say(words: string): void {
    // the same words twice must be heard twice: a no-break space makes them differ
    this.#letters.textContent = this.#letters.textContent === words ? `${words} ` : words;
  }

  /** The text has changed; it is read once it rests. */
  text(text: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#text.textContent = text.trim() === "" ? "The text is empty" : `Text: ${text.trim()}`;
    }, REST);
  }
}
