// Amounts as they are typed into the form. What is not, or not yet, one is null: the Hub says so in a sentence.

const MINUTES = { m: 1, h: 60, d: 1440 };

/**
 * A time as the Hub reads it. The page counts in hours, as it says: 2 is two hours there, and 1:30 one and a half; for sbatch they are
 * minutes, and minutes and seconds.
 * @param {string} text
 */
export function hoursAsTyped(text) {
  const typed = text.trim();
  if (/^[0-9]{1,5}$/.test(typed)) return `${typed}h`;
  return /^[0-9]{1,5}:[0-9]{2}$/.test(typed) ? `${typed}:00` : text;
}

/**
 * Reads a time as the page does: Slurm's forms, 90m and 2h, and hours without a unit.
 * @param {string} text
 */
export function minutesOf(text) {
  const time = hoursAsTyped(text);
  const short = /^\s*([0-9]+)\s*(m|h|d)\s*$/i.exec(time);
  if (short) return Number(short[1]) * MINUTES[/** @type {"m" | "h" | "d"} */ (short[2].toLowerCase())];
  const long = /^\s*(?:([0-9]+)-)?([0-9]+):([0-9]{1,2})(?::([0-9]{1,2}))?\s*$/.exec(time);
  if (!long) return null;
  const [days, first, second, third] = long.slice(1).map((part) => Number(part || 0));
  // Without a day, two numbers are minutes and seconds (sbatch(1), --time).
  if (long[1] === undefined && long[4] === undefined) return first + (second ? 1 : 0);
  return days * 1440 + first * 60 + second + (third ? 1 : 0);
}

/** @param {string} text */
export function megabytesOf(text) {
  const found = /^\s*([0-9]+(?:\.[0-9]+)?)\s*(G|GB|GiB|M|MB|MiB)?\s*$/i.exec(text);
  return found ? Number(found[1]) * (/^M/i.test(found[2] || "G") ? 1 : 1024) : null;
}

/**
 * Reads GPUs as the form's field has them: "2", "v100:2", "shard:v100:1".
 * @param {string} text
 */
export function gpusOf(text) {
  const found = /^(?:(gpu|shard|mps):)?(?:([^:]+):)?([0-9]+)$/.exec(text);
  return found ? { gres: found[1] || "gpu", type: found[2] || "", number: Number(found[3]) } : null;
}
