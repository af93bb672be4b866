// Numbers, durations and sentences as the pages write them, in the user's language. Nothing here touches a page.

// Hebrew, Arabic and their relatives.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * Puts values into a sentence. What is written from right to left is isolated, so that the words around it stay where they are.
 * @param {string} sentence
 * @param {Record<string, unknown>} values
 */
export function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolated(String(values[name])) : whole));
}

/** @param {string} text */
function isolated(text) {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

// --- numbers ---

// As the Hub writes them (`decimal` in spawner/i18n.py): thousands are always set off, in Italian too, but not in what can be typed again.
const GROUPED = /** @type {const} */ ({ useGrouping: "always" });
const PLAIN = /** @type {const} */ ({ useGrouping: false });

/**
 * @param {number} value
 * @param {string} lang
 */
export function number(value, lang) {
  return new Intl.NumberFormat(lang, { ...GROUPED, maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 }).format(value);
}

/**
 * Writes an amount of billing units, with no more digits than help.
 * @param {number} value
 * @param {string} lang
 */
export function units(value, lang) {
  const digits = value < 1000 ? { maximumSignificantDigits: 4 } : { maximumFractionDigits: 0 };
  return new Intl.NumberFormat(lang, { ...GROUPED, ...digits }).format(value);
}

/**
 * @param {number} value of 100
 * @param {string} lang
 */
export function percent(value, lang) {
  return new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 0 }).format(value / 100);
}

/**
 * Writes a number with its unit.
 * @param {number} value
 * @param {string} unit one that Intl.NumberFormat knows
 * @param {string} lang
 * @param {"short" | "long"} [display]
 */
export function amount(value, unit, lang, display = "short") {
  return new Intl.NumberFormat(lang, { ...PLAIN, style: "unit", unit, unitDisplay: display, maximumFractionDigits: 1 }).format(value);
}

/**
 * @param {number} megabytes
 * @param {string} lang
 */
export function memory(megabytes, lang) {
  return megabytes < 1024 ? amount(Math.round(megabytes), "megabyte", lang) : amount(megabytes / 1024, "gigabyte", lang);
}

/**
 * Writes gigabytes without their unit.
 * @param {number} megabytes
 * @param {string} lang
 * @param {number} digits at most, after the point
 */
export function gigabytes(megabytes, lang, digits) {
  return new Intl.NumberFormat(lang, { ...PLAIN, maximumFractionDigits: digits }).format(megabytes / 1024);
}

// --- durations ---

/** As the Hub writes them (spawner/humanize.py): "1 h 57 min", "2 days". The signs are those of the units, the same in every language. */
const SIGNS = { second: "s", minute: "min", hour: "h" };

/**
 * Writes a number of one unit of time.
 * @param {number} value
 * @param {"second" | "minute" | "hour" | "day"} unit
 * @param {string} lang
 */
function timed(value, unit, lang) {
  return unit === "day" ? amount(value, unit, lang, "long") : `${value} ${SIGNS[unit]}`;
}

/**
 * Writes a duration in its two largest units: what is left, what has passed.
 * @param {number} seconds
 * @param {string} lang
 */
export function duration(seconds, lang) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 60) return timed(Math.max(0, Math.floor(seconds)), "second", lang);
  if (minutes < 60) return timed(minutes, "minute", lang);
  if (hours < 24) return inTwo(hours, "hour", minutes % 60, "minute", lang);
  return inTwo(Math.floor(hours / 24), "day", hours % 24, "hour", lang);
}

/**
 * @param {number} large
 * @param {"hour" | "day"} unit
 * @param {number} small
 * @param {"minute" | "hour"} smaller
 * @param {string} lang
 */
function inTwo(large, unit, small, smaller, lang) {
  return small ? `${timed(large, unit, lang)} ${timed(small, smaller, lang)}` : timed(large, unit, lang);
}

/**
 * Writes an estimate in one unit.
 * @param {number} seconds
 * @param {string} lang
 */
export function about(seconds, lang) {
  if (seconds < 5400) return timed(Math.max(1, Math.round(seconds / 60)), "minute", lang);
  if (seconds < 129600) return timed(Math.round(seconds / 3600), "hour", lang);
  return timed(Math.round(seconds / 86400), "day", lang);
}

/**
 * Writes a duration that somebody watches growing.
 * @param {number} seconds
 * @param {string} lang
 */
export function exactly(seconds, lang) {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const parts = [];
  if (hours) parts.push(timed(hours, "hour", lang));
  if (hours || minutes) parts.push(timed(minutes, "minute", lang));
  if (!hours) parts.push(timed(Math.floor(seconds % 60), "second", lang));
  return parts.join(" ");
}
