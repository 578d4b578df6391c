/** A JPEG without its EXIF block: browsers turn photos as it says, and cannot be told not to. */

const JPEG = 0xffd8;
const APP1 = 0xffe1;
const SCAN = 0xffda;
const EXIF = "Exif\0\0";

/** The same file without EXIF, for recognisers that learnt from photos as they were stored. Other files as they are. */
export async function withoutExif(file: Blob): Promise<Blob> {
  const view = new DataView(await file.arrayBuffer());
  if (view.byteLength < 4 || view.getUint16(0) !== JPEG) return file;
  const kept: Blob[] = [file.slice(0, 2)];
  let at = 2;
  while (at + 10 <= view.byteLength) {
    const marker = view.getUint16(at);
    if (marker < 0xff00 || marker === SCAN) break;
    const end = at + 2 + view.getUint16(at + 2);
    const name = Array.from(EXIF, (_, index) => String.fromCharCode(view.getUint8(at + 4 + index))).join("");
    if (marker !== APP1 || name !== EXIF) kept.push(file.slice(at, end));
    at = end;
  }
  kept.push(file.slice(at));
  return new Blob(kept, { type: file.type });
}
