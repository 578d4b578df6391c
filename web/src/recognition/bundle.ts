/** The bundle beside the page: its card, its model, and its finder, below any path prefix. */

import { RecognitionError } from "./recogniser";

/** An address beside the page. */
export function beside(path: string): URL {
  return new URL(path, document.baseURI);
}

/** Headers for the service: a token where one was given. */
export function authorised(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

export async function fetchCard(token: string | null): Promise<unknown> {
  const answer = await get("bundle/card.json", token);
  try {
    return await answer.json();
  } catch {
    throw new RecognitionError("the bundle's card is damaged");
  }
}

/** @param progress called with the bytes that have come and, where it is known, how many there are. */
export async function fetchNetwork(
  name: "model.onnx" | "finder.onnx",
  token: string | null,
  progress: (come: number, all: number | null) => void,
): Promise<ArrayBuffer> {
  const answer = await get(`bundle/${name}`, token);
  if (answer.body === null) return await answer.arrayBuffer();
  const packed = answer.headers.get("Content-Encoding") !== null; // then the length is of what was sent, not of the file
  const length = packed ? 0 : Number(answer.headers.get("Content-Length"));
  const parts: Uint8Array[] = [];
  let come = 0;
  const reader = answer.body.getReader();
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      parts.push(step.value);
      come += step.value.length;
      progress(come, length > 0 ? length : null);
    }
  } catch {
    throw new RecognitionError(`the connection broke while ${name} was being fetched`);
  }
  const network = new Uint8Array(come);
  let at = 0;
  for (const part of parts) {
    network.set(part, at);
    at += part.length;
  }
  return network.buffer;
}

async function get(path: string, token: string | null): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(beside(path), { headers: authorised(token) });
  } catch {
    throw new RecognitionError(`${path} cannot be fetched: no connection`);
  }
  if (answer.status === 401) throw new RecognitionError("the service asks for a token: open the address it printed");
  if (!answer.ok) throw new RecognitionError(`${path} cannot be fetched (${answer.status})`);
  return answer;
}
