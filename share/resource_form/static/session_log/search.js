// Searches the log, and shows what stands around a line that was found.

import { element } from "../common/dom.js";
import { filled } from "../common/format.js";
import { fill } from "./marks.js";

/** @import { Follow } from "./follow.js" */
/** @import { Page, Part } from "./page.js" */

/** @typedef {{ at: number, line: string }} Match `at` is its place in the log, in bytes */
/** @typedef {{ matches: Match[], number: number, whole: boolean }} Found `whole` says whether all of the log was searched */

/**
 * @param {Found} found
 * @param {Record<string, string>} texts
 */
export function foundInWords({ matches, number, whole }, texts) {
  const shown = matches.length;
  const sentence = number === 0 ? texts.found_none : number > shown ? texts.found_many : texts.found_some;
  const counted = filled(sentence, { number, shown });
  return whole ? counted : `${counted} ${texts.found_in_part}`;
}

/**
 * @param {Page} page
 * @param {Follow} follow
 */
export function offerSearch(page, { leave, fetchPiece }) {
  const { place, box, known } = page;
  const field = place("query", HTMLInputElement);

  /** @param {number} at */
  function showAround(at) {
    leave();
    known.elsewhere = true;
    fetchPiece({ around: at }, (/** @type {Part} */ part) => {
      page.learn(part);
      page.begin(part);
      known.elsewhere = true;
      box.scrollTop = 0;
      const marks = [...box.querySelectorAll("mark")];
      const mark = marks.find((each) => bytesBefore(each) >= at - part.from) || marks[0];
      if (mark) box.scrollTop = mark.offsetTop - box.offsetTop - box.clientHeight / 3;
      box.focus({ preventScroll: true });
    });
  }

  /** @param {HTMLElement} mark */
  function bytesBefore(mark) {
    const range = document.createRange();
    range.setStart(box, 0);
    range.setEndBefore(mark);
    return new TextEncoder().encode(range.toString()).length;
  }

  /** @param {Match} match */
  function matchButton(match) {
    const button = element("button", { type: "button" });
    fill(button, match.line || " ", known.query);
    button.addEventListener("click", () => showAround(match.at));
    return element("li", {}, button);
  }

  place("search").addEventListener("submit", async (event) => {
    event.preventDefault();
    const query = field.value.trim();
    page.mark(query);
    place("found").hidden = !query;
    place("matches").textContent = "";
    place("number").textContent = "";
    if (!query) return;
    await fetchPiece({ search: query }, (/** @type {Found} */ found) => {
      place("number").textContent = foundInWords(found, page.texts);
      place("matches").append(...found.matches.map(matchButton));
    });
  });

  place("clear").addEventListener("click", () => {
    field.value = "";
    place("found").hidden = true;
    page.mark("");
    field.focus();
  });
}
