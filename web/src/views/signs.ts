/** The pictures of the signs, drawn by the project itself, with words for those who do not see them. */

import signs from "../../public/signs/signs.json";
import { h } from "../dom";

const SIGNS: Readonly<Record<string, { readonly file: string; readonly alt: string }>> = signs;

/** Words for a sign's shape; "" where there are none. */
export function described(label: string): string {
  return SIGNS[label]?.alt ?? "";
}

/** The picture of a sign, or a tile with its name where there is no picture. */
export function picture(label: string, lazy = true): HTMLElement {
  const sign = SIGNS[label];
  if (sign === undefined) return h("span", { class: "sign sign-missing" }, label);
  return h("img", {
    class: "sign",
    src: `./signs/${sign.file}`,
    alt: `Sign ${named(label)}: ${sign.alt}`,
    width: 200,
    height: 200,
    loading: lazy ? "lazy" : "eager",
  });
}

/** How a label is called in a sentence. */
export function named(label: string): string {
  return { del: "delete", nothing: "no sign" }[label] ?? label;
}
