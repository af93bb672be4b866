// On how many nodes there is room for what is chosen: counted at once, without a round trip. The sentence follows from the Hub.

import { filled } from "../common/format.js";
import { gpusOf, megabytesOf, minutesOf } from "./amounts.js";

/**
 * Nodes that have the same free.
 * @typedef {object} Room
 * @property {number} nodes
 * @property {number} cores
 * @property {number} memory_mb
 * @property {number | null} minutes until they are somebody else's; null is for ever
 * @property {Record<string, number>} gpus whole ones by their type
 * @property {{ gres: string, type: string, least: number, most: number }[]} parts of GPUs, as far as they are known
 */

/** @typedef {{ cores: number, megabytes: number, minutes: number, gres: string, type: string, gpus: number }} Wish */

/**
 * Reads what is chosen; null where a field does not say an amount.
 * @param {Record<string, string>} values
 * @returns {Wish | null}
 */
export function wishOf(values) {
  const megabytes = megabytesOf(values.memory || "");
  const gpus = gpusOf(values.gpus || "0");
  const cores = Number(values.cores);
  const minutes = minutesOf(values.walltime || "");
  if (megabytes === null || !gpus || !Number.isInteger(cores) || minutes === null) return null;
  return { cores, megabytes, minutes, gres: gpus.gres, type: gpus.type, gpus: gpus.number };
}

/**
 * What is free on a node, at least and at most: whole GPUs add up, of all types where none is named; a part has to come from one card.
 * @param {Room} room
 * @param {string} gres
 * @param {string} type
 */
export function freeOf(room, gres, type) {
  if (gres === "gpu") {
    const free = Object.entries(room.gpus).reduce((sum, [name, number]) => sum + (type && type !== name ? 0 : number), 0);
    return [free, free];
  }
  const parts = room.parts.filter((part) => part.gres === gres && (!type || type === part.type));
  return [Math.max(0, ...parts.map((part) => part.least)), Math.max(0, ...parts.map((part) => part.most))];
}

/**
 * Counts the nodes that have room; null where it is known of none, and of some not known whether.
 * @param {Room[]} rooms
 * @param {Wish} wish
 */
export function nodesThatFit(rooms, wish) {
  let fitting = 0;
  let perhaps = false;
  for (const room of rooms) {
    const lasts = room.minutes === null || room.minutes >= wish.minutes;
    if (room.cores < wish.cores || room.memory_mb < wish.megabytes || !lasts) continue;
    const [least, most] = freeOf(room, wish.gres, wish.type);
    if (least >= wish.gpus) fitting += room.nodes;
    else if (most >= wish.gpus) perhaps = true;
  }
  return !fitting && perhaps ? null : fitting;
}

/**
 * @param {number} nodes
 * @param {Record<string, string>} texts
 */
export function nodesInWords(nodes, texts) {
  if (nodes === 0) return texts.fits_none;
  return nodes === 1 ? texts.fits_one : filled(texts.fits_many, { number: nodes });
}
