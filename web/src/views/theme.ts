/** Light, dark, or as the device has it. */

import { button } from "../dom";
import type { Settings, Theme } from "../settings";

const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const WORDS: Record<Theme, string> = { auto: "Auto", light: "Light", dark: "Dark" };

export function themeButton(settings: Settings): HTMLButtonElement {
  const element = button(
    "",
    () => {
      settings.theme.value = NEXT[settings.theme.value];
      show();
    },
    { class: "theme", id: "theme" },
  );
  const show = () => {
    const theme = settings.theme.value;
    document.documentElement.dataset.theme = theme;
    element.textContent = `◐ ${WORDS[theme]}`;
    element.setAttribute("aria-label", `Colours: ${WORDS[theme]}. Press to change.`);
  };
  show();
  return element;
}
