// Adds to the form what HTML alone cannot: what becomes of the request while it is being made, the fields that follow each other, the
// table that refreshes in the open page, times in the user's time zone. All rules are the Hub's: these modules ask and show.

import { withToken } from "../common/api.js";
import { localTimes } from "../common/times.js";
import { followAvailability } from "./availability.js";
import { asker, makeCheck } from "./check.js";
import { foldOnAPhone } from "./folds.js";
import { makeFields } from "./fields.js";
import { closeOnEscape } from "./hint.js";
import { readPage, startButton, tools } from "./page.js";
import { followRelease } from "./release.js";
import { choosePreset, followTheFields } from "./shortcuts.js";
import { followStrip } from "./strip.js";
import { offerTools } from "./tools.js";
import { followUseful } from "./useful.js";
import { offerVariables } from "./variables.js";
import { followWhere } from "./where.js";

/** @import { Page } from "./page.js" */

const REFRESH_MS = 20000;

/**
 * One press, one session: a second one while the first is on its way does nothing.
 * @param {Page} page
 * @param {HTMLButtonElement} start
 */
function startOnce({ whole, texts }, start) {
  whole.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return; // what is saved as a file starts nothing
    whole.action = withToken(whole.action);
    // A button that is disabled at once would not be sent along.
    window.setTimeout(() => {
      start.disabled = true;
      start.textContent = texts.starting;
    }, 0);
  });
  // The browser keeps the pressed button when the user comes back with its Back button.
  window.addEventListener("pageshow", () => {
    start.disabled = false;
    start.textContent = texts.start;
  });
}

/**
 * Looks again and again, while somebody looks at the page.
 * @param {() => void} look
 */
function lookAgain(look) {
  let timer = 0;

  function schedule() {
    window.clearInterval(timer);
    if (!document.hidden) timer = window.setInterval(look, REFRESH_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look();
    schedule();
  });
  schedule();
}

/**
 * @param {Page} page
 * @param {HTMLElement} panel
 */
function judge(page, panel) {
  const fields = makeFields(page);
  const askHub = asker(page, fields);
  const check = makeCheck(page, panel, fields, askHub);
  followTheFields(page, fields, check);
  followStrip(page, fields, check, () => choosePreset(page, ""));
  followUseful(page);
  followWhere(page);
  followRelease(page);
  offerVariables(page);
  offerTools(page, fields);
  closeOnEscape(panel);
  tools(page).hidden = false;
  // What was typed before this script was there, or is there again by the browser's Back button, is judged as if it were typed now.
  check.check(fields.touched() ? "" : undefined);
  return check.check;
}

/** @param {Page} page */
function begin(page) {
  const start = startButton(page);
  if (start) startOnce(page, start);
  /** @type {HTMLElement | null} */ (document.querySelector(".spawn-error-msg"))?.focus();
  foldOnAPhone(page.form);
  localTimes(page.form, page.texts);
  const refresh = followAvailability(page);
  const check = page.panel ? judge(page, page.panel) : () => {};
  lookAgain(() => {
    refresh();
    check();
  });
}

const page = readPage();
if (page) begin(page);
