const BACKSLASH = 0x5c;

/** Up to so many bytes (quotes included) of ASCII make a string faster one by one than by a call. */
const SHORT = 14;

/** What stands behind a backslash, for escapes of one letter; 0 for `u`. */
const ESCAPED = new Uint8Array(256);
for (const [letter, byte] of Object.entries({
  '"': 0x22,
  "\\": 0x5c,
  "/": 0x2f,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
})) {
  ESCAPED[letter.charCodeAt(0)] = byte;
}

/**
 * The text of a JSON string that is known to be valid.
 * @param start index of its opening quote
 * @param end index after its closing quote
 */
export function readString(json: Buffer, start: number, end: number): string {
  let short = "";
  for (let at = start + 1; at < end - 1; at++) {
    const byte = json[at] as number;
    if (byte === BACKSLASH) {
      const text = Buffer.allocUnsafe(end - start);
      return text.toString("utf8", 0, unescape(json, { start: start + 1, end: end - 1 }, text, 0));
    }
    if (end - start <= SHORT && byte < 0x80) short += String.fromCharCode(byte);
  }
  return short.length === end - start - 2 ? short : json.toString("utf8", start + 1, end - 1);
}

/**
 * Writes what stands between the quotes of a valid JSON string as plain UTF-8; never longer than its source.
 * Half a surrogate pair, which UTF-8 cannot express, becomes U+FFFD.
 * @param source the extent between the quotes
 * @returns the index in `out` after what was written
 */
export function unescape(
  json: Buffer,
  source: { start: number; end: number },
  out: Buffer,
  position: number,
): number {
  let to = position;
  let from = source.start;
  while (from < source.end) {
    const byte = json[from++] as number;
    if (byte !== BACKSLASH) {
      out[to++] = byte;
      continue;
    }
    const letter = json[from++] as number;
    if (letter !== 0x75 /* u */) {
      out[to++] = ESCAPED[letter] as number;
      continue;
    }
    let code = hex4(json, from);
    from += 4;
    if (code >= 0xd800 && code <= 0xdbff && json[from] === BACKSLASH && json[from + 1] === 0x75) {
      const low = hex4(json, from + 2);
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
      }
    }
    to = writeCodePoint(code, out, to);
  }
  return to;
}

function hex4(json: Buffer, position: number): number {
  let code = 0;
  for (let at = position; at < position + 4; at++) {
    const byte = json[at] as number;
    code = (code << 4) | (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57);
  }
  return code;
}

function writeCodePoint(codePoint: number, out: Buffer, position: number): number {
  let code = codePoint;
  let to = position;
  if (code < 0x80) {
    out[to++] = code;
    return to;
  }
  if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
  if (code < 0x800) out[to++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x10000) out[to++] = 0xe0 | (code >> 12);
    else {
      out[to++] = 0xf0 | (code >> 18);
      out[to++] = 0x80 | ((code >> 12) & 0x3f);
    }
    out[to++] = 0x80 | ((code >> 6) & 0x3f);
  }
  out[to++] = 0x80 | (code & 0x3f);
  return to;
}

const SHORT_ESCAPES = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\f", "\\f"],
  ["\r", "\\r"],
]);

/** Text that needs no escape: nearly every target and id. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** What ASP.NET's relaxed encoder escapes, as far as it was observed: `<>&'+é` stay, characters beyond the BMP do not. */
const TO_ESCAPE = /["\\\p{Cc}\p{Cs}\u2028\u2029\u{10000}-\u{10ffff}]/gu;

/** The text as a JSON string, quotes included, escaped as ASP.NET's hub protocol does it. */
export function jsonString(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : `"${text.replace(TO_ESCAPE, escape)}"`;
}

function escape(character: string): string {
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  let escaped = "";
  for (let index = 0; index < character.length; index++) {
    escaped += `\\u${character.charCodeAt(index).toString(16).toUpperCase().padStart(4, "0")}`;
  }
  return escaped;
}
