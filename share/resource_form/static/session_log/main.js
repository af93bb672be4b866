// Shows the log of a session and follows it. Whatever is in a log is put into the page as text, never as markup. The page keeps the pieces
// that it has fetched in their order, each with its place in the log, and lets go of those at the far end when there are too many lines.

import { makeFollow } from "./follow.js";
import { makePage } from "./page.js";
import { offerSearch } from "./search.js";

/** @import { Follow } from "./follow.js" */
/** @import { Page, Part } from "./page.js" */

/**
 * @param {Page} page
 * @param {Follow} follow
 */
function offerButtons(page, { follow, leave, fetchPiece }) {
  const { known, box, buttons } = page;

  buttons.pause.addEventListener("click", () => {
    if (known.live || known.paused) known.paused = !known.paused;
    page.sayHowItStands();
    if (!known.paused) follow();
  });

  buttons.older.addEventListener("click", () => fetchPiece({ before: page.first() }, page.prepend, buttons.older));

  buttons.later.addEventListener("click", async () => {
    await fetchPiece({ offset: page.last() }, showNext, buttons.later);
    if (!known.elsewhere) follow();
  });

  /** @param {Part} part */
  function showNext(part) {
    if (part.from !== page.last()) return;
    known.size = part.size;
    page.append(part);
    if (page.last() >= known.size) known.elsewhere = false;
  }

  buttons.toEnd.addEventListener("click", () => {
    leave();
    known.elsewhere = false;
    known.paused = false;
    page.clear();
    box.focus();
    box.scrollTop = box.scrollHeight;
    follow();
  });
}

/** @param {HTMLElement} root */
function begin(root) {
  const page = makePage(root);
  const follow = makeFollow(page);
  offerButtons(page, follow);
  offerSearch(page, follow);
  document.addEventListener("visibilitychange", follow.follow);
  follow.follow();
}

const root = document.getElementById("session-log");
if (root) begin(root);
