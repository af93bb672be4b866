// The pieces of the log that the page has, in their order, each with its place in the log.

/**
 * @typedef {object} Piece
 * @property {number} start in bytes
 * @property {number} end
 * @property {number} lines
 * @property {string} text
 */

const MOST_LINES = 5000;

/**
 * @param {{ from: number, to: number, text: string }} answer
 * @returns {Piece}
 */
export function pieceOf({ from, to, text }) {
  return { start: from, end: to, lines: text.split("\n").length - 1 || 1, text };
}

/** @param {Piece[]} pieces */
export const firstByte = (pieces) => pieces[0]?.start ?? 0;

/** @param {Piece[]} pieces */
export const lastByte = (pieces) => pieces.at(-1)?.end ?? 0;

/**
 * How many pieces are too many, counted from one end; the last one stays whatever its length.
 * @param {Piece[]} pieces
 * @param {boolean} fromTheEnd
 */
export function tooMany(pieces, fromTheEnd, most = MOST_LINES) {
  const order = fromTheEnd ? [...pieces].reverse() : pieces;
  let lines = pieces.reduce((sum, piece) => sum + piece.lines, 0);
  let number = 0;
  while (lines > most && number < pieces.length - 1) {
    lines -= order[number].lines;
    number += 1;
  }
  return number;
}
