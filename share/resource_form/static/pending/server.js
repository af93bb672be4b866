// What the Hub knows of this server, and how it is told to cancel it.

import { ask, serverPath } from "../common/api.js";
import { STAGES } from "./stages.js";

/** @import { Page } from "./page.js" */

/** @typedef {{ pending?: string | null, ready?: boolean }} Model */

/** The Hub says no more of the server, to this user. */
export class NotTold extends Error {}

/** @param {Page} page */
export function makeServer({ apiUrl, xsrf, user, server }) {
  /**
   * @param {string} path
   * @param {string} [method]
   */
  const api = (path, method) => ask(new URL(path, new URL(apiUrl, window.location.href)), { method, xsrf });

  /**
   * What the Hub knows of the server: null if it is stopped.
   * @returns {Promise<Model | null>}
   */
  async function model() {
    const answer = await api(`users/${encodeURIComponent(user)}`);
    if ([403, 404].includes(answer.status)) throw new NotTold();
    if (!answer.ok) throw new Error(String(answer.status));
    const found = (answer.body.servers || {})[server];
    return found && (found.pending || found.ready) ? found : null;
  }

  /** The session in the list of all; somebody else's are told to an admin who asks for all. */
  async function session() {
    for (const query of ["", "?all=1"]) {
      const answer = await api(`resource-form/sessions${query}`);
      if (!answer.ok) return null;
      const own = (answer.body.sessions || []).find(
        (/** @type {{ user: string, name: string, stage: string }} */ entry) =>
          entry.user === user && entry.name === server && STAGES.includes(entry.stage),
      );
      if (own) return own;
    }
    return null;
  }

  return { model, session, cancel: () => api(serverPath(user, server), "DELETE") };
}

/** @typedef {ReturnType<typeof makeServer>} Server */
