// The page of a log: its elements, what it shows of the log, and how it says how that stands.

import { places, write } from "../common/dom.js";
import { fill } from "./marks.js";
import { firstByte, lastByte, pieceOf, tooMany } from "./pieces.js";

/** @import { Piece } from "./pieces.js" */

/**
 * A piece of the log, as the Hub answers it.
 * @typedef {object} Part
 * @property {string} text whole lines
 * @property {string} partial what stands after the last of them
 * @property {number} from in bytes
 * @property {number} to
 * @property {number} size of the whole log
 * @property {string} inode another file has another
 * @property {boolean} live whether more may come
 */

const AT_THE_BOTTOM_PX = 40;

/** @param {HTMLElement} root */
export function makePage(root) {
  const { place } = places("session-log-");
  const [box, partial, state] = ["text", "partial", "state"].map((name) => place(name));
  const [pause, older, later, toEnd] = ["pause", "older", "later", "end"].map((name) => place(name, HTMLButtonElement));
  /** @type {Record<string, string>} */
  const texts = JSON.parse(root.dataset.texts || "{}");
  /** @type {(Piece & { element: HTMLElement })[]} */
  let pieces = [];
  let rest = "";

  /** How the log stands, as it is known. */
  const known = { size: 0, inode: "", live: false, paused: false, elsewhere: false, query: "" };

  // --- saying how it stands ---

  /**
   * @param {string} words
   * @param {string} [kind]
   */
  function say(words, kind = "") {
    write(state, words);
    state.dataset.kind = kind;
  }

  function sentence() {
    if (known.elsewhere) return texts.elsewhere;
    if (known.paused) return texts.paused;
    if (!known.live) return texts.over;
    return pieces.length || rest ? texts.following : `${texts.empty} ${texts.following}`;
  }

  function sayHowItStands() {
    say(sentence());
    older.hidden = firstByte(pieces) === 0;
    later.hidden = !known.elsewhere || lastByte(pieces) >= known.size;
    toEnd.hidden = !known.elsewhere;
    pause.hidden = known.elsewhere;
    pause.textContent = known.paused ? texts.go_on : known.live ? texts.pause : texts.again;
  }

  // --- the text ---

  /** @param {Part} part */
  function made(part) {
    const element = document.createElement("div");
    fill(element, part.text, known.query);
    return { ...pieceOf(part), element };
  }

  /** @param {string} text */
  function showPartial(text) {
    rest = text;
    fill(partial, text, known.query);
  }

  /** @param {boolean} fromTheEnd */
  function letGo(fromTheEnd) {
    const number = tooMany(pieces, fromTheEnd);
    const gone = fromTheEnd ? pieces.splice(pieces.length - number) : pieces.splice(0, number);
    for (const piece of gone) piece.element.remove();
    if (!fromTheEnd || !gone.length) return;
    known.elsewhere = true;
    showPartial("");
  }

  /** @param {Part} part */
  function append(part) {
    const follow = box.scrollHeight - box.scrollTop - box.clientHeight < AT_THE_BOTTOM_PX && !known.elsewhere;
    const height = box.scrollHeight;
    if (part.text) {
      const piece = made(part);
      pieces.push(piece);
      box.insertBefore(piece.element, partial);
      letGo(false);
    }
    showPartial(part.partial);
    if (follow) box.scrollTop = box.scrollHeight;
    else if (box.scrollHeight < height) box.scrollTop = Math.max(0, box.scrollTop - (height - box.scrollHeight));
  }

  /** @param {Part} part */
  function prepend(part) {
    if (!part.text) return;
    const fromBottom = box.scrollHeight - box.scrollTop;
    const piece = made(part);
    pieces.unshift(piece);
    box.insertBefore(piece.element, box.firstChild);
    box.scrollTop = box.scrollHeight - fromBottom;
    letGo(true);
  }

  function clear() {
    for (const piece of pieces) piece.element.remove();
    pieces = [];
    showPartial("");
  }

  /** @param {Part} part */
  function begin(part) {
    clear();
    append(part);
  }

  /** @param {string} query */
  function mark(query) {
    known.query = query;
    for (const piece of pieces) fill(piece.element, piece.text, query);
    fill(partial, rest, query);
  }

  /** @param {Part} part */
  function learn({ size, inode, live }) {
    Object.assign(known, { size, inode, live });
  }

  return {
    texts,
    place,
    url: root.dataset.url || "",
    buttons: { pause, older, later, toEnd },
    box,
    known,
    state,
    first: () => firstByte(pieces),
    last: () => lastByte(pieces),
    isEmpty: () => !pieces.length,
    ...{ say, sayHowItStands, append, prepend, begin, clear, mark, learn },
  };
}

/** @typedef {ReturnType<typeof makePage>} Page */
