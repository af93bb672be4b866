// One session as the Hub tells of it, and what follows from that alone.

/**
 * A session (as_json in spawner/session/status_json.py). Of a server that never had one, only what has no mark here is there.
 * @typedef {object} Session
 * @property {string} user
 * @property {string} name of the server
 * @property {string} display_name
 * @property {boolean} [named] whether that is what the user has called it
 * @property {string} id
 * @property {string} state
 * @property {Record<string, any>} request
 * @property {string} spawn_url
 * @property {string} [kind] the list that it stands in: running, finished or others
 * @property {string} [color]
 * @property {string} [slurm_state]
 * @property {string | number | null} [job_id]
 * @property {string | null} [node]
 * @property {string} [summary]
 * @property {string} [release_text] what the release is called
 * @property {string | null} [submitted]
 * @property {string | null} [started]
 * @property {string | null} [ends]
 * @property {string | null} [ended]
 * @property {string} [sentence]
 * @property {string} [reference] what the Hub's log calls it by
 * @property {string} [what_to_do]
 * @property {{ place: number, of: number } | null} [position]
 * @property {string | null} [estimate]
 * @property {number | null} [seconds_waited]
 * @property {number | null} [seconds_left]
 * @property {{ name: string, amount: number }[]} [held]
 * @property {string} [held_text]
 * @property {{ per_hour: number, used: number | null, unit: string } | null} [cost]
 * @property {string | null} [unknown_since]
 * @property {string} [url]
 * @property {string} [log_url]
 * @property {{ name: string, label: string, url: string }[]} [apps] what can be opened besides while it runs
 * @property {Record<string, any>} [change] what makes sense to change after its end
 * @property {{ cores?: number, memory_mb?: number } | null} [usage]
 * @property {{ sentence: string } | null} [used] of one that is over
 * @property {{ since: string, stops_at: string | null } | null} [idle_gpus]
 * @property {{ number: number, sentence: string } | null} [killed] processes that were, for their memory
 * @property {{ folder: string, sentence: string } | null} [start_folder] the folder that was chosen, and what to know of it
 * @property {{ state: string, sentence: string } | null} [setup] what the release has run once for each user
 * @property {import("./gpu_history.js").Gpus | null} [gpus]
 * @property {number[]} [warn_minutes]
 */

/** @param {Pick<Session, "user" | "name" | "id" | "ended">} session */
export const keyOf = (session) => `${session.user}/${session.name}/${session.id || session.ended || ""}`;

/** @param {Session} session */
export const placeOf = (session) => `${session.user}/${session.name}`;

/** @param {Session} session */
export const isOver = (session) => session.state === "ended";

/** @param {Session} session */
export const stateOf = (session) => (isOver(session) && session.kind === "others" ? "failed" : session.state);

/** @param {Session} session */
export const latest = (session) => session.ended || session.submitted || "";

/** @param {Session} session */
export const releaseOf = ({ release_text: text, request }) => text || String(request.release || "");

/** Tells whether a server never had a session. @param {Session} session */
export const isNew = (session) => !session.kind;

/** What the user has called it; nothing where it is shown as what it is. @param {Session} session */
export const calledBy = (session) => (session.named ? session.display_name : "");

const TONES = /** @type {Record<string, string>} */ ({ waiting: "wait", starting: "wait", running: "good", failed: "bad" });

/** @param {Session} session */
export const toneOf = (session) => TONES[stateOf(session)] || "plain";

/**
 * What is compared to see whether a session has to be shown anew: all but what changes by itself.
 * @param {Session} session
 */
export function signature(session) {
  const { seconds_left: _left, seconds_waited: _waited, gpus: _gpus, cost, ...still } = session;
  return JSON.stringify([still, cost?.per_hour, cost?.unit, isOver(session) && cost?.used]);
}

/**
 * @param {Session} session
 * @param {string} name
 */
export function heldAmount(session, name) {
  return session.held?.find((entry) => entry.name === name)?.amount;
}

/**
 * Tells whether a server runs, or is on its way.
 * @param {Session[]} sessions
 * @param {string} user
 * @param {string} name
 */
export function isLive(sessions, user, name) {
  return sessions.some((session) => session.user === user && session.name === name && !isOver(session));
}

/**
 * Orders the latest first.
 * @param {Session} one
 * @param {Session} other
 */
export const byLatest = (one, other) => (latest(one) < latest(other) ? 1 : -1);

const RANKS = /** @type {Record<string, number>} */ ({ running: 0, starting: 1, waiting: 1, unknown: 1, stopping: 2, ended: 3 });

/**
 * Orders cards: what runs first, what is over last, the latest first among those.
 * @param {Session} one
 * @param {Session} other
 */
export function byRank(one, other) {
  const rank = RANKS[one.state] - RANKS[other.state];
  if (rank) return rank;
  return isOver(one) && latest(one) !== latest(other) ? byLatest(one, other) : one.name.localeCompare(other.name);
}

/**
 * What is said of a server now: its session, or the last that it had.
 * @param {Session[]} sessions
 * @param {string} user
 * @param {string} name
 */
export function currentOf(sessions, user, name) {
  const own = sessions.filter((session) => session.user === user && session.name === name);
  return own.find((session) => !isOver(session)) || own.filter(isOver).sort(byLatest)[0];
}

/**
 * Tells whether a session is among those that are looked for.
 * @param {Session} session
 * @param {{ text: string, user: string, state: string }} filter
 */
export function matches(session, { text, user, state }) {
  const wanted = text.trim().toLowerCase();
  if (!session.user.toLowerCase().includes(user.trim().toLowerCase())) return false;
  if (state && stateOf(session) !== state) return false;
  const { display_name: shown, name, summary, sentence, node, id, slurm_state: slurm } = session;
  return [shown, name, session.user, summary, releaseOf(session), sentence, node, id, slurm].join("\n").toLowerCase().includes(wanted);
}

/** @typedef {{ users: string[] | null, servers: string[] }} Reach the servers that somebody may do something with; null: everybody's */

/**
 * Whether a session's server is among them.
 * @param {Reach} reach
 * @param {{ user: string, name: string }} session
 */
export const reaches = ({ users, servers }, { user, name }) => !users || users.includes(user) || servers.includes(`${user}/${name}`);
