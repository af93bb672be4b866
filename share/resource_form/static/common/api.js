// What the pages ask of the Hub, with the token against forged requests as it is now.

const TOO_OFTEN = 429;

/**
 * An answer of the Hub's, or of the proxy's while the Hub is away.
 * @typedef {object} Answer
 * @property {boolean} ok
 * @property {number} status
 * @property {boolean} tooOften the Hub was asked more often than it answers
 * @property {number} again the seconds after which it may be asked again
 * @property {any} body what the JSON says; {} where there is none
 */

/**
 * A log-in in another tab gives the browser another token; the one that a page was made with then opens nothing any more.
 * @param {string} own the page's
 */
export function token(own) {
  const found = document.cookie.split(/;\s*/).find((entry) => entry.startsWith("_xsrf="));
  return found ? found.slice("_xsrf=".length).replace(/^"|"$/g, "") : own;
}

/**
 * Puts the token as it is now in the place of an address's own.
 * @param {string} address
 */
export function withToken(address) {
  const url = new URL(address, window.location.href);
  url.searchParams.set("_xsrf", token(url.searchParams.get("_xsrf") || ""));
  return url.href;
}

/**
 * The path of a server below the Hub's API. The default server has an address of its own; "servers/" without a name is not it.
 * @param {string} user
 * @param {string} server
 */
export function serverPath(user, server) {
  const owner = `users/${encodeURIComponent(user)}`;
  return server ? `${owner}/servers/${encodeURIComponent(server)}` : `${owner}/server`;
}

/**
 * Asks the Hub for JSON. It rejects where there is no answer, or a good one that cannot be read.
 * @param {string | URL} address
 * @param {{ method?: string, xsrf?: string, body?: unknown }} [options] `xsrf` is the page's own token
 * @returns {Promise<Answer>}
 */
export async function ask(address, { method = "GET", xsrf = "", body } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", "X-XSRFToken": token(xsrf) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(new URL(address, window.location.href), {
    method,
    credentials: "same-origin",
    cache: "no-store",
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return {
    ok: response.ok,
    status: response.status,
    tooOften: response.status === TOO_OFTEN,
    again: Number(response.headers.get("Retry-After")) || 1,
    body: await bodyOf(response),
  };
}

/** @param {Response} response */
async function bodyOf(response) {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : {};
  } catch (error) {
    // The proxy has a page of its own while the Hub is away.
    if (response.ok) throw error;
    return {};
  }
}

/**
 * Asks the Hub for a piece of a page; null where it gives none. Who is logged out is led to the log-in instead.
 * @param {string | URL} address
 */
export async function askForHtml(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  return { html: answer.ok && !answer.redirected ? await answer.text() : null, isLoggedOut: answer.redirected || answer.status === 403 };
}
