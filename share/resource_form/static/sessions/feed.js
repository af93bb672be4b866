// How sessions stand: the Hub's one stream of it, and polling where there is none.

import { token } from "../common/api.js";
import { filled } from "../common/format.js";
import { clock } from "../common/moments.js";
import { isClosed, isOpen, share } from "../common/stream.js";
import { Refused } from "./hub.js";

/** @import { Hub } from "./hub.js" */
/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

/** @typedef {{ sessions: Session[], stale?: boolean }} Answer */

const POLL_MS = 30000;
const WITHOUT_STREAM_MS = 5000;

/**
 * @param {Page} page
 * @param {Hub} hub
 * @param {{ take: (answer: Answer) => void, hearGpus: (sessions: Session[]) => void }} listener
 */
export function makeFeed(page, hub, { take, hearGpus }) {
  /** @type {EventSource | null} */
  let source = null;
  let giveBack = () => {};
  let polling = 0;
  let lostSince = 0;
  // The page of home shows how each server's last session ended, and no earlier ones.
  const query = `?${new URLSearchParams({ ...(page.everybodys ? { all: "1" } : {}), limit: page.isHome ? "0" : "500" })}`;

  /** @param {Answer} answer */
  function heard(answer) {
    take(answer);
    lostSince = 0;
    page.showNote(answer.stale ? page.texts.stale : "");
  }

  /** @param {unknown} error */
  function lost(error) {
    lostSince ||= Date.now();
    const words = filled(page.texts.lost, { time: clock(new Date(lostSince), page.texts) });
    page.showNote(error instanceof Refused && error.loggedOut ? error.message : words);
  }

  async function poll() {
    if (document.hidden) return;
    if (polling && isClosed(source)) listen();
    try {
      heard(await hub.sessions(query));
    } catch (error) {
      lost(error);
    }
  }

  /** @param {number} milliseconds 0 is never */
  function pollEvery(milliseconds) {
    window.clearInterval(polling);
    polling = milliseconds ? window.setInterval(poll, milliseconds) : 0;
  }

  function listen() {
    source?.close();
    giveBack();
    giveBack = share(open, () => {
      pollEvery(WITHOUT_STREAM_MS);
      poll();
    });
  }

  function open() {
    // The Hub wants its token of everybody, and a stream has no headers (JupyterHub does the same with the one of a start).
    const url = new URL(`${page.base}api/resource-form/sessions/events${query}`, window.location.href);
    url.searchParams.set("_xsrf", token(page.xsrf));
    source = new EventSource(url);
    source.onopen = () => pollEvery(0);
    source.onmessage = ({ data }) => heard(JSON.parse(data));
    source.addEventListener("gpus", ({ data }) => hearGpus(JSON.parse(data).sessions));
    source.onerror = () => {
      // The browser itself comes back to a stream that broke off, not to an answer that was none.
      if (polling) return;
      pollEvery(POLL_MS);
      if (isClosed(source)) poll(); // which tries a stream again as well
    };
  }

  /** A browser has six connections to the Hub for all its tabs. */
  function pause() {
    source?.close();
    giveBack();
    pollEvery(0);
  }

  return {
    listen,
    pause,
    goOn: () => void ((!source || isClosed(source)) && listen()),
    lookIfClosed: () => void (isOpen(source) || poll()),
  };
}

/** @typedef {ReturnType<typeof makeFeed>} Feed */
