// The cards of the home page and the list of all sessions: both follow the Hub's one stream of how sessions stand, and give orders through
// the Hub's own REST API. All sentences are the Hub's; whatever a user or Slurm has written is put in as text.

import { moment } from "../common/moments.js";
import { makeActions } from "./actions.js";
import { makeCards } from "./card.js";
import { makeCopies } from "./copies.js";
import { makeFeed } from "./feed.js";
import { makeGpus } from "./gpus.js";
import { makeHome } from "./home.js";
import { makeHub } from "./hub.js";
import { makeList } from "./list.js";
import { isNotified, makeNotices } from "./notices.js";
import { makeOrders } from "./orders.js";
import { readPage } from "./page.js";
import { makeTable } from "./table.js";
import { makeTabs } from "./tabs.js";
import { changed } from "./words.js";

/** @import { Answer } from "./feed.js" */
/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

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

/** @param {Page} page */
function begin(page) {
  const hub = makeHub(page);
  const gpus = makeGpus(page);
  const notices = makeNotices(page);
  const tabs = makeTabs(page);
  const orders = makeOrders(page, { render: () => view.render(), look: () => feed.lookIfClosed() });
  const actions = makeActions(page, hub, orders);
  const feed = makeFeed(page, hub, { take, hearGpus });
  const view = page.isHome ? home() : (page.everybodys ? makeTable : makeList)(page, { actions, orders });
  let isFirst = true;

  function home() {
    const copies = makeCopies(page, hub, feed);
    const made = makeHome(page, makeCards(page, { actions, orders, notices, gpus, copies, gone }));
    /** @param {Session} session */
    function gone(session) {
      orders.forget(session);
      made.forget(session);
    }
    return made;
  }

  /** @param {Answer} answer */
  function take({ sessions }) {
    const before = page.sessions;
    page.sessions = sessions;
    page.heardAt = Date.now();
    page.clockAhead = aheadBy(sessions) ?? page.clockAhead;
    gpus.take(page.everybodys ? [] : sessions);
    view.render();
    tabs.take(before, sessions);
    if (!isFirst && !page.everybodys) page.announce(changed(before, sessions, page.words.warnings).map(page.words.said));
    isFirst = false;
    view.tick();
  }

  /** @param {Session[]} sessions */
  function hearGpus(sessions) {
    gpus.hear(sessions);
    view.tick();
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) feed.goOn();
    else if (!isNotified()) feed.pause();
  });
  feed.listen();
  window.setInterval(view.tick, TICK_MS);
}

const root = document.getElementById("resource-form-sessions");
if (root) begin(readPage(root));
