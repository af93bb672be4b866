// The home page: a card for each session of one's own that goes on, with what its GPUs do.

import { localNotices } from "../common/times.js";
import { makeCards } from "./card.js";
import { makeCopies } from "./copies.js";
import { begin } from "./follow.js";
import { makeGpus } from "./gpus.js";
import { makeHome } from "./home.js";
import { isNotified, makeNotices } from "./notices.js";

/** @import { Session } from "./model.js" */

begin(({ page, hub, actions, orders, feed }) => {
  localNotices(page.texts);
  const gpus = makeGpus(page);
  const notices = makeNotices(page);
  const copies = makeCopies(page, hub, feed);
  const view = makeHome(page, makeCards(page, { actions, orders, notices, gpus, copies, gone }));

  /** @param {Session} session */
  function gone(session) {
    orders.forget(session);
    view.forget(session);
  }

  return { ...view, take: gpus.take, hear: gpus.hear, stays: isNotified };
});
