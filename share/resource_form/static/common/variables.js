// Variables of the environment as text, one NAME=value a line, as spawner/request/variables.py reads and writes it.

export const MASK = "••••••••"; // stands for a value that the Hub knows and does not show

/** @typedef {[name: string, value: string]} Variable */
/** @typedef {{ name?: string, value?: string }} Patterns regular expressions of the Hub's: how names and values look that are secret */

// eslint-disable-next-line no-control-regex -- these are what a line does not hold, or does not show
const NEEDS_QUOTES = /^"|^\s|\s$|[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff]/;

/** @param {string} text */
function unquoted(text) {
  try {
    const value = text.startsWith('"') ? JSON.parse(text) : text;
    return typeof value === "string" ? value : text;
  } catch {
    return text;
  }
}

/**
 * Reads what it can: all rules are the Hub's, and what it will refuse stays as it is.
 * @param {string} text
 * @returns {Variable[]}
 */
export function readText(text) {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() && !line.trimStart().startsWith("#"));
  return lines.map((line) => {
    const sign = line.indexOf("=");
    return sign < 0 ? [line.trim(), ""] : [line.slice(0, sign).trim(), unquoted(line.slice(sign + 1))];
  });
}

/** @param {Variable[]} variables */
export function asText(variables) {
  return variables.map(([name, value]) => `${name}=${NEEDS_QUOTES.test(value) ? JSON.stringify(value) : value}`).join("\n");
}

/**
 * @param {string} name
 * @param {string} value
 * @param {Patterns} patterns
 */
export function looksSecret(name, value, patterns) {
  if (!value) return false;
  return new RegExp(patterns.name || "^$", "i").test(name) || new RegExp(patterns.value || "^$").test(value);
}
