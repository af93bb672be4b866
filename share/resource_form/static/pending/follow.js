// Follows the Hub's stream of events about a start, and looks for itself where there is none.

import { withToken } from "../common/api.js";
import { isClosed, isOpen, share } from "../common/stream.js";
import { plain } from "./history.js";
import { NotTold } from "./server.js";

/** @import { History, Message } from "./history.js" */
/** @import { Page } from "./page.js" */
/** @import { Server } from "./server.js" */
/** @import { View } from "./view.js" */

/**
 * What the start comes to.
 * @typedef {object} Outcomes
 * @property {(message?: Message) => void} ready
 * @property {(message: Message) => void} failed
 * @property {() => void} isBeingCancelled
 */

const SETTLE_MS = 80;
const LOOK_AGAIN_MS = 3000;

/**
 * @param {Page} page
 * @param {View} view
 * @param {History} history
 * @param {Server} server
 * @param {Outcomes} outcomes
 */
export function makeFollow(page, view, history, server, outcomes) {
  /** @type {EventSource | null} */
  let source = null;
  let giveBack = () => {};
  let hasStream = true; // else others of this browser's pages have them all, and this one asks
  let settling = 0;

  /** @param {Message} news */
  function take(news) {
    const progress = Number(news.progress) || 0;
    // A stream that begins anew tells all from the start again: what was shown already is not shown twice.
    if (progress < page.highest) return;
    page.highest = progress;
    const known = Object.entries(news).filter(([, value]) => value !== undefined);
    page.session = { ...page.session, ...Object.fromEntries(known), heard: performance.now() };
    window.clearTimeout(settling);
    settling = window.setTimeout(view.show, SETTLE_MS);
  }

  function listen() {
    giveBack();
    giveBack = share(open, () => {
      hasStream = false;
      look();
    });
  }

  function open() {
    hasStream = true;
    source = new EventSource(withToken(page.progressUrl));
    source.onopen = () => {
      view.isFound();
      history.clear();
    };
    source.onmessage = ({ data }) => hear(JSON.parse(data));
    source.onerror = () => {
      if (page.phase !== "starting") return;
      view.isLost();
      // The browser itself tries again unless it got another answer than a stream.
      if (isClosed(source)) window.setTimeout(look, LOOK_AGAIN_MS);
    };
  }

  /** @param {Message} message */
  function hear(message) {
    view.isFound();
    if (message.failed) outcomes.failed(message);
    else if (message.ready) outcomes.ready(message);
    else if (message.progress) {
      history.remember(message, plain(message));
      take(message);
    }
    // What is left is the Hub's own first word, "Server requested", which is in no language of ours and says nothing.
  }

  function close() {
    source?.close();
    giveBack();
    window.clearTimeout(settling);
  }

  // No stream: the Hub takes this session up again after a restart, or it is over, or we are logged out.
  async function look() {
    if (page.phase !== "starting") return;
    try {
      if (await isSettled()) return;
    } catch (error) {
      if (error instanceof NotTold) {
        window.location.reload();
        return;
      }
      view.isLost();
    }
    if (!hasStream || !isOpen(source)) window.setTimeout(look, LOOK_AGAIN_MS);
  }

  /** Looks once, and tells whether that was enough. */
  async function isSettled() {
    const known = await server.model();
    const pending = known?.pending || "";
    view.isFound();
    if (pending === "spawn" && hasStream) listen();
    else if (pending === "stop") outcomes.isBeingCancelled();
    else if (known?.ready) outcomes.ready();
    else if (!["spawn", "check"].includes(pending)) window.location.reload();
    else {
      await lookAtSession();
      return false;
    }
    return true;
  }

  async function lookAtSession() {
    const session = await server.session();
    if (session) take({ ...session, progress: Math.max(page.highest, Number(session.progress) || 0) });
  }

  return {
    listen,
    close,
    pause: () => source?.close(),
    lookIfClosed: () => void (isClosed(source) && look()),
  };
}

/** @typedef {ReturnType<typeof makeFollow>} Follow */
