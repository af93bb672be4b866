// The last hour of a GPU: what is kept of it between two answers, and its picture in numbers.

/** @typedef {(number | null)[]} Sample seconds ago, use in percent, memory in MB */

/**
 * One GPU of a session. Null is not known.
 * @typedef {object} Device
 * @property {number} index
 * @property {string} [label]
 * @property {boolean} [shared]
 * @property {boolean} [faulty]
 * @property {number | null} [utilisation] in percent
 * @property {number | null} [memory_used_mb]
 * @property {number | null} [memory_total_mb]
 * @property {number | null} [temperature]
 * @property {Sample[] | null} [history] the oldest first
 */

/** @typedef {{ age: number | null, devices: Device[] }} Gpus */

export const HOUR = 3600;
const SHORTEST = 600; // the picture of a session that has just begun
const GAP_SECONDS = 150; // a history has one value a minute: between these two nobody knows
export const WIDTH = 60;
export const HEIGHT = 20;

/**
 * @param {unknown} value
 * @returns {value is number}
 */
export const isKnown = (value) => typeof value === "number";

/**
 * News of GPUs with the history that was known before: the Hub tells it once a minute only.
 * @param {Gpus | null | undefined} before
 * @param {Gpus} news
 * @param {number} passed seconds between them
 * @returns {Gpus}
 */
export function withHistory(before, news, passed) {
  const kept = new Map((before?.devices || []).map((device) => [device.index, device.history || []]));
  const aged = (/** @type {Sample} */ [ago, ...values]) => [Math.round((ago || 0) + passed), ...values];
  const devices = news.devices.map((device) => ({ ...device, history: device.history || (kept.get(device.index) || []).map(aged) }));
  return { ...news, devices };
}

/**
 * The last hour as [seconds ago, value] in parts without a gap, the oldest first.
 * @param {Sample[]} history
 * @param {number} column
 */
export function partsOf(history, column) {
  /** @type {[number, number][][]} */
  const parts = [];
  let last = Infinity;
  for (const sample of history) {
    const [ago, value] = [Number(sample[0]), sample[column]];
    if (!isKnown(value) || ago > HOUR + GAP_SECONDS) continue;
    if (last - ago > GAP_SECONDS) parts.push([]);
    parts.at(-1)?.push([ago, value]);
    last = ago;
  }
  return parts;
}

/**
 * The picture of a device's last hour: its use, or its memory where that is all that is known; null where there is nothing to draw.
 * @param {Device} device
 */
export function pictureOf(device) {
  const samples = device.history || [];
  const isUse = samples.some((sample) => isKnown(sample[1]));
  const parts = partsOf(samples, isUse ? 1 : 2);
  const values = parts.flat().map(([, value]) => value);
  if (values.length < 2) return null;
  const [low, high, longest] = [Math.min(...values), Math.max(...values), parts[0][0][0]];
  const most = isUse ? 100 : device.memory_total_mb || high || 1;
  const lines = linesOf(parts, Math.min(HOUR, Math.max(SHORTEST, longest)), most);
  return { isUse, low, high, longest, lines };
}

/**
 * Each part as the points of its line, and of the area below it.
 * @param {[number, number][][]} parts
 * @param {number} span in seconds
 * @param {number} most the value at the top
 */
function linesOf(parts, span, most) {
  const x = (/** @type {number} */ ago) => ((1 - Math.min(ago, span) / span) * WIDTH).toFixed(2);
  const y = (/** @type {number} */ value) => (HEIGHT - 1 - (Math.min(value, most) / most) * (HEIGHT - 2)).toFixed(2);
  return parts.map((part) => {
    const [ago, value] = /** @type {[number, number]} */ (part.at(-1));
    const end = Math.max(0, ago - 60); // a value is that of the whole minute
    const line = [...part, [end, value]].map(([at, height]) => `${x(at)},${y(height)}`).join(" ");
    return { line, area: `${x(part[0][0])},${HEIGHT} ${line} ${x(end)},${HEIGHT}` };
  });
}
