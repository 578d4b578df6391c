/** What the page remembers on this device. Where it may not remember, everything works all the same. */

const PREFIX = "fingerspell.";

export function recall(key: string): unknown {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? null : JSON.parse(text);
  } catch {
    return null; // storage is forbidden, or what lies there is damaged
  }
}

export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    return; // private windows and full disks: the choice holds until the page is closed
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    return;
  }
}

/** A kept choice, if it is one of these. */
export function recallOneOf<T extends string>(key: string, choices: readonly T[], otherwise: T): T {
  const value = recall(key);
  return choices.find((choice) => choice === value) ?? otherwise;
}

/** The service's token: from the address's fragment, which is then taken out of sight; for this tab only. */
export function takeToken(): string | null {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  try {
    if (found !== null) {
      sessionStorage.setItem(`${PREFIX}token`, found);
      history.replaceState(null, "", location.pathname + location.search);
    }
    return found ?? sessionStorage.getItem(`${PREFIX}token`);
  } catch {
    return found;
  }
}
