// What the home page and the lists of sessions have in common: all follow the Hub's one stream of how sessions stand, and give orders
// through the Hub's own REST API. All sentences are the Hub's; whatever a user or Slurm has written is put in as text.

import { moment } from "../common/moments.js";
import { makeActions } from "./actions.js";
import { makeFeed } from "./feed.js";
import { makeHub } from "./hub.js";
import { makeOrders } from "./orders.js";
import { readPage } from "./page.js";
import { makeTabs } from "./tabs.js";
import { changed } from "./words.js";

/** @import { Actions } from "./actions.js" */
/** @import { Answer, Feed } from "./feed.js" */
/** @import { Hub } from "./hub.js" */
/** @import { Session } from "./model.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */

/** @typedef {{ page: Page, hub: Hub, actions: Actions, orders: Orders, feed: Feed }} Rooms what a page of sessions is made with */
/**
 * One page of sessions: drawn anew, and each second what time alone changes. `take` and `hear` are told of sessions and of their GPUs,
 * `stays` tells whether the stream is followed where nobody looks.
 * @typedef {{ render: () => void, tick: () => void, take?: (sessions: Session[]) => void, hear?: (sessions: Session[]) => void,
 *   stays?: () => boolean }} View
 */

const TICK_MS = 1000;
const CLOCK_MS = 2500; // Times are whole seconds; a clock that goes right is not set right.

/**
 * How far the browser's clock is ahead of the Hub's, in milliseconds, by a session whose end is known; null where there is none.
 * @param {Session[]} sessions
 */
function aheadBy(sessions, now = Date.now()) {
  for (const { ends, seconds_left: left } of sessions) {
    const end = moment(ends);
    if (!end || !left || left < 0) continue;
    const ahead = now - (end.getTime() - left * 1000);
    return Math.abs(ahead) > CLOCK_MS ? ahead : 0;
  }
  return null;
}

/**
 * Begins a page, which has nothing of the others' loaded.
 * @param {(rooms: Rooms) => View} makeView
 */
export function begin(makeView) {
  const root = document.getElementById("resource-form-sessions");
  if (!root) return;
  const page = readPage(root);
  const hub = makeHub(page);
  const tabs = makeTabs(page);
  const orders = makeOrders(page, { render: () => view.render(), look: () => feed.lookIfClosed() });
  const actions = makeActions(page, hub, orders);
  const feed = makeFeed(page, hub, { take, hearGpus });
  const view = makeView({ page, hub, actions, orders, feed });
  let isFirst = true;

  /** @param {Answer} answer */
  function take({ sessions }) {
    const before = page.sessions;
    page.sessions = sessions;
    page.heardAt = Date.now();
    page.clockAhead = aheadBy(sessions) ?? page.clockAhead;
    view.take?.(sessions);
    view.render();
    tabs.take(before, sessions);
    if (!isFirst && !page.everybodys) page.announce(changed(before, sessions, page.words.warnings).map(page.words.said));
    isFirst = false;
    view.tick();
  }

  /** @param {Session[]} sessions */
  function hearGpus(sessions) {
    view.hear?.(sessions);
    view.tick();
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) feed.goOn();
    else if (!view.stays?.()) feed.pause();
  });
  feed.listen();
  window.setInterval(view.tick, TICK_MS);
}
