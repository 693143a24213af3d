const BINARY = "application/octet-stream";
const JSON_MEDIA_TYPE = "application/json";

/**
 * Whether a caller that may be answered in JSON or in bytes wants bytes, RFC 9110 §12.5.1: it names octet-stream, and JSON
 * not at all, with a lower quality, or later with the same. What is no media range is passed over.
 */
export function prefersBytes(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const ranges = accept.split(",").map(mediaRange);
  const binary = ranges.find(({ type }) => type === BINARY);
  const json = ranges.find(({ type }) => type === JSON_MEDIA_TYPE);
  if (binary === undefined || binary.quality === 0) return false;
  if (json === undefined || json.quality !== binary.quality) return binary.quality > (json?.quality ?? 0);
  return ranges.indexOf(binary) < ranges.indexOf(json);
}

function mediaRange(text: string): { type: string; quality: number } {
  const [type = "", ...parameters] = text
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
  return { type, quality: /^[01](\.\d{0,3})?$/.test(quality) ? Math.min(Number(quality), 1) : 1 };
}
