/** The text that is being spelled, and what can be done with it. */

import { button, h, say } from "../dom";
import { speak } from "../speech";
import type { SuggestionsView } from "./suggestions";

export interface TextActions {
  undo(): void;
  clear(): void;
  space(): void;
}

export class TextView {
  readonly element: HTMLElement;
  readonly #text = h("p", {
    class: "text",
    id: "text",
    tabindex: 0,
    role: "textbox",
    "aria-readonly": "true",
    "aria-multiline": "true",
    "aria-labelledby": "text-title",
  });
  readonly #note = h("p", { class: "note", role: "status" });
  readonly #undo: HTMLButtonElement;
  readonly #needText: HTMLButtonElement[];
  #value = "";
  #noteTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(actions: TextActions, suggestions: SuggestionsView) {
    this.#undo = button("Undo", actions.undo, { id: "undo" });
    const clear = button("Delete all", actions.clear, { id: "clear" });
    const copy = button("Copy", () => void this.#copy(), { id: "copy" });
    const aloud = button("Speak", () => speak(this.#value, (words) => this.#tell(words)), { id: "speak" });
    this.#needText = [clear, copy, aloud];
    this.element = h(
      "section",
      { class: "card composed", "aria-labelledby": "text-title" },
      h("h2", { id: "text-title" }, "Text"),
      this.#text,
      suggestions.element,
      h("div", { class: "buttons" }, this.#undo, button("Space", actions.space, { id: "space" }), clear, copy, aloud),
      suggestions.choice,
      this.#note,
    );
    this.show("", false);
  }

  show(text: string, undoable: boolean): void {
    this.#value = text;
    say(this.#text, text);
    this.#text.classList.toggle("empty", text === "");
    this.#text.scrollTop = this.#text.scrollHeight;
    disable(this.#undo, !undoable);
    for (const each of this.#needText) disable(each, text.trim() === "" && !(each.id === "clear" && text !== ""));
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#value.trim());
      this.#tell("Copied.");
    } catch {
      getSelection()?.selectAllChildren(this.#text);
      this.#tell("The browser did not allow copying. The text is selected: press Ctrl+C or ⌘C.");
    }
  }

  #tell(words: string): void {
    say(this.#note, words);
    clearTimeout(this.#noteTimer);
    if (words === "Copied.") this.#noteTimer = setTimeout(() => say(this.#note, ""), 4000);
  }
}

/** A button that has just been pressed keeps the keyboard's focus, so it is not taken out of reach. */
function disable(element: HTMLButtonElement, disabled: boolean): void {
  if (disabled && document.activeElement === element) element.setAttribute("aria-disabled", "true");
  else element.removeAttribute("aria-disabled");
  element.disabled = disabled && document.activeElement !== element;
}
