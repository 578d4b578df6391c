/** The word list beside the page; fetched only when somebody wants words. */

import { beside } from "../recognition/bundle";
import { parseWords, type WordList } from "./words";

/** Rejects with an Error whose message says why, to be read after "the word list cannot be loaded:". */
export async function fetchWords(): Promise<WordList> {
  let answer: Response;
  try {
    answer = await fetch(beside("words.json"));
  } catch {
    throw new Error("no connection");
  }
  if (!answer.ok) throw new Error(`the answer was ${answer.status}`);
  return parseWords(await answer.json().catch(() => null));
}
