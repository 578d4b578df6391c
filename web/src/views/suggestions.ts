/** Words that the unfinished one may become, as buttons under the text; off unless asked for. */

import { button, h, say } from "../dom";
import type { Settings } from "../settings";
import type { Event } from "../spelling/event";
import { COMPLETIONS, type Doubt, unfinished, type WordList } from "../words/words";

export class SuggestionsView {
  /** The words; keeps its room while the switch is on, so that nothing below moves. */
  readonly element: HTMLElement;
  /** The switch. */
  readonly choice: HTMLElement;
  readonly #settings: Settings;
  readonly #fetch: () => Promise<WordList>;
  readonly #buttons: readonly HTMLButtonElement[];
  // not a live region: words change with every letter, and are there for whoever looks for them
  readonly #group = h("div", {
    class: "words",
    id: "suggestions",
    role: "group",
    "aria-label": "Suggested words",
    tabindex: -1,
  });
  readonly #hint = h("p", { class: "hint", id: "suggest-hint" });
  readonly #problem = h("p", { class: "hint", id: "suggest-problem", role: "status" });
  #list: WordList | null = null;
  #fetching = false;
  #text = "";
  #last: { readonly text: string; readonly doubt: Doubt } | null = null;

  /**
   * @param fetch the word list; rejects with an Error whose message says why.
   * @param chosen a word was chosen in place of so many last characters.
   */
  constructor(settings: Settings, fetch: () => Promise<WordList>, chosen: (word: string, instead: number) => void) {
    this.#settings = settings;
    this.#fetch = fetch;
    this.#buttons = Array.from({ length: COMPLETIONS }, () => {
      const each = button("", () => chosen(each.textContent, unfinished(this.#text).length), { class: "suggested" });
      return each;
    });
    this.#group.append(...this.#buttons);
    this.element = h("div", { class: "suggestions" }, this.#group, this.#hint, this.#problem);
    const input = h("input", { type: "checkbox", id: "suggest", role: "switch" });
    input.checked = settings.suggest.value;
    input.addEventListener("change", () => {
      settings.suggest.value = input.checked;
      this.#switched();
    });
    this.choice = h("label", { class: "switch" }, input, h("span", {}, "Suggest words"));
    new ResizeObserver(() => this.#fit()).observe(this.#group);
    this.#switched();
  }

  /** A letter was written: what the recogniser thought of it counts as long as it stands at the text's end. */
  heard(event: Event): void {
    if (event.kind === "written" || event.kind === "revised") this.#last = { text: event.text, doubt: event };
  }

  /** Show the words for this text. */
  show(text: string): void {
    this.#text = text;
    if (!this.#settings.suggest.value) return;
    const letters = unfinished(text);
    const doubt = this.#last?.text === text ? this.#last.doubt : null;
    const words = this.#list?.complete(letters, doubt) ?? [];
    const focused = this.#buttons.find((each) => each === document.activeElement);
    for (const [index, each] of this.#buttons.entries()) {
      each.textContent = words[index] ?? "";
      each.hidden = words[index] === undefined;
    }
    this.#fit();
    say(this.#hint, this.#list === null || words.length > 0 ? "" : hint(letters));
    // a button that goes away while it has the focus must not throw the keyboard back to the page's beginning
    if (focused?.hidden) this.#group.focus();
  }

  #switched(): void {
    this.element.hidden = !this.#settings.suggest.value;
    if (this.element.hidden) say(this.#problem, "");
    else if (this.#list === null) void this.#load();
    this.show(this.#text);
  }

  async #load(): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    say(this.#problem, "");
    try {
      this.#list = await this.#fetch();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      say(this.#problem, `No words: the word list cannot be loaded (${why}). Switch off and on to try again.`);
    } finally {
      this.#fetching = false;
    }
    this.show(this.#text);
  }

  /** One line of words: those that would stand in a second one are left out, least frequent first. */
  #fit(): void {
    for (const each of this.#buttons) each.hidden = each.textContent === "";
    const line = this.#buttons[0]?.offsetTop;
    for (const each of this.#buttons) each.hidden ||= each.offsetTop !== line;
  }
}

function hint(letters: string): string {
  return letters === "" ? "Words come here while you spell." : "No listed word begins like this.";
}
