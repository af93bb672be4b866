// What the Hub is asked and told about sessions, through its own REST API.

import { ask, serverPath } from "../common/api.js";

/** @import { Page } from "./page.js" */

/** What was not done, with the sentence that says why. */
export class Refused extends Error {
  /**
   * @param {string} sentence
   * @param {boolean} [loggedOut]
   */
  constructor(sentence, loggedOut = false) {
    super(sentence);
    this.loggedOut = loggedOut;
  }
}

/**
 * What starts a server with a request. JupyterHub 6 knows a name to show; 5 takes the body as the request itself. The name may be words
 * that JupyterHub does not take as such a name.
 * @param {Record<string, any>} request
 * @param {boolean} hasNewApi
 */
export function startBody(request, hasNewApi) {
  const fits = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+( [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u.test(request.name || "");
  return hasNewApi && fits ? { display_name: request.name, user_options: request } : request;
}

/** @param {Page} page */
export function makeHub({ base, texts, xsrf, hasNewApi, me }) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async function api(method, path, body) {
    const answer = await ask(`${base}api/${path}`, { method, xsrf, body }).catch(() => {
      throw new Refused(texts.no_answer);
    });
    if (answer.ok) return answer.body;
    if (answer.status === 403 && method === "GET") throw new Refused(texts.not_allowed, true);
    throw new Refused(answer.body.message || texts.no_answer);
  }

  return {
    /** @param {string} query */
    sessions: (query) => api("GET", `resource-form/sessions${query}`),

    /**
     * Names for so many more sessions like one of that name.
     * @param {string} name
     * @param {number} count
     * @returns {Promise<{ server: string, name: string }[]>}
     */
    async newNames(name, count) {
      const query = new URLSearchParams({ name, number: String(count) });
      return (await api("GET", `resource-form/new-names?${query}`)).names;
    },

    /**
     * @param {string} user
     * @param {string} server
     * @param {Record<string, any>} request
     */
    start: (user, server, request) => api("POST", serverPath(user, server), startBody(request, hasNewApi && Boolean(server))),

    /**
     * @param {string} user
     * @param {string} server
     * @param {string} [why] what the user is told, where that is somebody else
     */
    stop: (user, server, why = "") =>
      user === me ? api("DELETE", serverPath(user, server)) : api("POST", "resource-form/stop", { user, server, why }),

    /**
     * @param {string} user
     * @param {string} server
     */
    remove: (user, server) => api("DELETE", serverPath(user, server), { remove: true }),
  };
}

/** @typedef {ReturnType<typeof makeHub>} Hub */
