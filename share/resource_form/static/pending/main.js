// The page of a session that starts: follows the Hub's stream of events and shows its latest, cancels this server and no other, and goes on
// to the server when it is ready. All sentences are the Hub's, shown as text.

import { isShared } from "../common/stream.js";
import { localNotices } from "../common/times.js";
import { makeFacts } from "./facts.js";
import { makeFollow } from "./follow.js";
import { makeHistory } from "./history.js";
import { isNotified, makeNotify } from "./notify.js";
import { makeOffers } from "./offers.js";
import { makeOutcomes } from "./outcomes.js";
import { readPage } from "./page.js";
import { makeServer } from "./server.js";
import { makeSteps } from "./steps.js";
import { makeView } from "./view.js";

/** @import { Outcomes } from "./follow.js" */

/** @param {HTMLElement} root */
function begin(root) {
  const page = readPage(root);
  localNotices(page.texts);
  const steps = makeSteps(page);
  const facts = makeFacts(page);
  const offers = makeOffers(page, () => follow.close());
  const view = makeView(page, steps, facts, offers);
  const history = makeHistory(page.history, page.texts);
  const server = makeServer(page);
  const notify = makeNotify(page);
  /** @type {Outcomes} */
  const comesTo = {
    ready: (message) => outcomes.ready(message),
    failed: (message) => outcomes.failed(message),
    isBeingCancelled: () => outcomes.isBeingCancelled(),
  };
  const follow = makeFollow(page, view, history, server, comesTo);
  const outcomes = makeOutcomes(page, view, history, server, follow, notify);

  page.cancelButton.hidden = false;
  page.cancelButton.addEventListener("click", outcomes.cancel);
  // Where pages cannot agree on who has a stream, one that nobody looks at has none.
  document.addEventListener("visibilitychange", () => {
    if (isShared() || page.phase !== "starting" || isNotified()) return;
    if (document.hidden) follow.pause();
    else follow.lookIfClosed();
  });
  // A page out of the browser's memory shows what was; the Hub knows what is.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  // What the Hub knew when it made the page stands there already.
  page.highest = Number(page.progressBar.getAttribute("aria-valuenow")) || 0;
  steps.show(page.place("steps").dataset.stage || "");
  steps.showProgress(page.highest);
  facts.compareClocks();
  follow.listen();
  // For tests of the Hub's own, as its pages do.
  Object.assign(window, { _jupyterhub_page_loaded: true });
}

const root = document.getElementById("resource-form-pending");
if (root) begin(root);
