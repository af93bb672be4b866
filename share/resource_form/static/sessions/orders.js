// Orders that were given: one at a time for each server, until the session stands otherwise.

import { filled } from "../common/format.js";
import { placeOf } from "./model.js";

/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

/** @typedef {"start" | "stop" | "delete"} What */

const STOP_MS = 60000;

/**
 * Tells whether an order that was given is over: the session stands otherwise than when it was given.
 * @param {{ what: What, state: string }} given
 * @param {string} state
 */
export function isDone(given, state) {
  if (given.state === state) return false;
  return given.what !== "stop" || state === "ended" || state === "stopping";
}

/**
 * @param {Page} page
 * @param {{ render: () => void, look: () => void }} after
 */
export function makeOrders(page, { render, look }) {
  /** @type {Map<string, { what: What, state: string }>} */
  const given = new Map();

  /** @param {Session} session */
  function forget(session) {
    return given.delete(placeOf(session));
  }

  /**
   * @param {Session} session
   * @param {What} what
   * @param {() => Promise<unknown>} action
   */
  async function give(session, what, action) {
    if (given.has(placeOf(session))) return;
    given.set(placeOf(session), { what, state: session.state });
    page.showError("");
    render();
    try {
      await action();
      // The Hub has taken the order to stop, and Slurm may take its time; any other is over with the answer.
      if (what === "stop") window.setTimeout(() => forget(session) && render(), STOP_MS);
      else forget(session);
    } catch (error) {
      forget(session);
      const why = error instanceof Error ? error.message : String(error);
      page.showError(filled(page.texts.failed, { name: session.display_name, why }));
      page.place("error").scrollIntoView({ block: "nearest" });
    }
    render();
    look();
  }

  /**
   * The order that is on its way for a session; "" for none.
   * @param {Session} session
   */
  function of(session) {
    const order = given.get(placeOf(session));
    if (!order) return "";
    if (!isDone(order, session.state)) return order.what;
    forget(session);
    return "";
  }

  return { give, forget, of };
}

/** @typedef {ReturnType<typeof makeOrders>} Orders */
