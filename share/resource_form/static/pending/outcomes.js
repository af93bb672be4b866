// How a start comes out: the server is ready, it has failed, or it is cancelled; this server, and no other.

import { filled } from "../common/format.js";
import { parsed, write } from "../common/dom.js";
import { showEnded } from "./ended.js";
import { plain, textOf } from "./history.js";
import { sentenceOf } from "./stages.js";

/** @import { Follow } from "./follow.js" */
/** @import { History, Message } from "./history.js" */
/** @import { Notify } from "./notify.js" */
/** @import { Page } from "./page.js" */
/** @import { Model, Server } from "./server.js" */
/** @import { View } from "./view.js" */

const LISTENS = 95; // of 100: the server is known to listen
const STOP_BEGINS_MS = 2000;
const STOP_LOOK_MS = 700;
const STOP_SLOW_MS = 20000;

/**
 * @param {Page} page
 * @param {View} view
 * @param {History} history
 * @param {Server} server
 * @param {Pick<Follow, "close" | "lookIfClosed">} follow
 * @param {Notify} notify
 */
export function makeOutcomes(page, view, history, server, follow, notify) {
  const { texts, cancelButton } = page;

  // Between the end of a start that is cancelled and the begin of its stop, the Hub for a second takes the server for one that is ready.
  async function isBeingStopped() {
    await new Promise((resolve) => window.setTimeout(resolve, STOP_BEGINS_MS));
    const known = await server.model().catch(() => /** @type {Model} */ ({ ready: true }));
    return known === null || known.pending === "stop";
  }

  /** @param {Message} [message] */
  async function ready(message) {
    follow.close();
    if (page.phase !== "starting") return;
    const stops = page.highest < LISTENS && (await isBeingStopped());
    if (page.phase !== "starting") return;
    if (stops) {
      isBeingCancelled();
      return;
    }
    page.phase = "ready";
    if (message) history.remember(message, plain(message));
    view.showReady();
    notify.tell(texts.ready);
    // The Hub then leads on to the server, or to where the user was going.
    window.location.reload();
  }

  /** @param {Message} message */
  async function failed(message) {
    follow.close();
    if (page.phase !== "starting") return;
    const words = plain(message).replace(/^Spawn failed(:\s*|$)/, "");
    if (words.startsWith("Spawn cancelled") || (await server.model().catch(() => null))?.pending === "stop") {
      isBeingCancelled();
      return;
    }
    view.showWhatIsKnown();
    page.phase = "failed";
    const why = words || textOf(message.html_message) || sentenceOf(page.session, texts) || texts.failed;
    history.remember(message, why);
    notify.tell(why);
    if (await showPageOfEnd()) return;
    // What to do while waiting is over with the waiting.
    view.showOver("failed", why, texts.failed_title, page.session.waiting_helps ? "" : page.session.what_to_do);
    page.details.open = true;
  }

  /** The Hub's own page of a start that failed, in the place of this one; false where it has none to give. */
  async function showPageOfEnd() {
    const answer = await fetch(window.location.href, { headers: { Accept: "text/html" }, cache: "no-store" }).catch(() => null);
    const found = answer && parsed(await answer.text()).querySelector("#resource-form-ended");
    if (!(found instanceof HTMLElement)) return false;
    view.leave();
    page.root.replaceWith(found);
    showEnded(found);
    document.title = `${texts.failed_title} – ${page.title}`;
    document.getElementById("pending-outcome")?.focus();
    return true;
  }

  function showCancelling() {
    page.phase = "cancelling";
    // Not disabled: that would take the focus away from whoever came here with the keyboard.
    cancelButton.setAttribute("aria-disabled", "true");
    write(cancelButton, texts.cancelling);
    page.line("error", "");
  }

  function isBeingCancelled() {
    showCancelling();
    follow.close();
    write(page.place("advice"), "");
    page.headline(texts.cancelling);
    page.say("unknown", texts.being_cancelled);
    whenStopped(Date.now());
  }

  /** @param {number} since */
  async function whenStopped(since) {
    /** @type {Model | null} */
    let known = { pending: "stop" };
    try {
      known = await server.model();
      view.isFound();
    } catch {
      view.isLost();
    }
    if (known === null) {
      page.phase = "cancelled";
      view.showOver("cancelled", texts.cancelled, texts.cancelled_title);
      window.setTimeout(lookOnceMore, STOP_BEGINS_MS);
      return;
    }
    if (Date.now() - since > STOP_SLOW_MS) page.say("unknown", texts.still_being_cancelled);
    window.setTimeout(() => whenStopped(since), STOP_LOOK_MS);
  }

  // In another tab it may have been given up for something else, which starts now.
  async function lookOnceMore() {
    if (await server.model().catch(() => null)) window.location.reload();
  }

  /** @param {string} why */
  function isNotCancelled(why) {
    page.phase = "starting";
    cancelButton.removeAttribute("aria-disabled");
    write(cancelButton, texts.cancel);
    page.line("error", filled(texts.not_cancelled, { why }));
    view.show();
    follow.lookIfClosed();
  }

  async function cancel() {
    if (page.phase !== "starting") return;
    showCancelling();
    const answer = await server.cancel().catch(() => null);
    if (!answer) isNotCancelled(texts.no_answer);
    else if (answer.ok || answer.status === 404) isBeingCancelled();
    else isNotCancelled(answer.body.message || `HTTP ${answer.status}`);
  }

  return { ready, failed, isBeingCancelled, cancel };
}
