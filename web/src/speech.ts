/** Reading a text aloud, with words for where that is not possible. */

const LONGEST_START = 3000; // milliseconds until a silent browser counts as one without a voice

/**
 * @param told gets what happens: speaking, done, or why nothing is heard.
 */
export function speak(text: string, told: (words: string) => void): void {
  if (window.speechSynthesis === undefined || window.SpeechSynthesisUtterance === undefined) {
    told("This browser cannot read aloud.");
    return;
  }
  const said = new SpeechSynthesisUtterance(text.trim().toLowerCase()); // capitals would be spelled out by some voices
  said.lang = "en-US";
  const silent = setTimeout(() => {
    if (speechSynthesis.getVoices().length === 0) told("This browser has no voice to read aloud with.");
  }, LONGEST_START);
  said.onstart = () => {
    clearTimeout(silent);
    told("Reading aloud …");
  };
  said.onend = () => {
    clearTimeout(silent);
    told("");
  };
  said.onerror = ({ error }) => {
    clearTimeout(silent);
    if (error !== "interrupted" && error !== "canceled") told("Reading aloud failed: this device may have no voice.");
  };
  speechSynthesis.cancel();
  speechSynthesis.speak(said);
}
