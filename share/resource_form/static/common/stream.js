// The few event streams of a browser, shared among its pages.

const NAME = "resource-form-stream";
const STREAMS = 3; // Without HTTP/2 a browser has six connections to the Hub for all its pages, and pages need some.

/** Tells whether pages can agree on who has a stream, as on https. Where they cannot, one that nobody looks at has to close its own. */
export const isShared = () => Boolean(navigator.locks);

/** @typedef {() => void} GiveBack */

/**
 * @param {number} number
 * @param {LockOptions} options
 * @returns {Promise<GiveBack | null>} what gives the lock back; null where it is another's
 */
function lock(number, options) {
  return new Promise((answer) => {
    navigator.locks
      .request(`${NAME}-${number}`, options, (given) =>
        given ? new Promise((giveBack) => answer(() => giveBack(undefined))) : answer(null),
      )
      .catch(() => answer(null));
  });
}

/**
 * @param {AbortSignal} signal
 * @param {() => void} waits
 */
async function oneOfFew(signal, waits) {
  for (let number = 0; number < STREAMS; number += 1) {
    const giveBack = await lock(number, { ifAvailable: true });
    if (giveBack) return giveBack;
  }
  waits();
  return lock(Math.floor(Math.random() * STREAMS), { signal });
}

/**
 * Calls open() once one of the browser's streams is this page's, and waits() where others have them all.
 * @param {() => void} open
 * @param {() => void} waits
 * @returns {GiveBack}
 */
export function share(open, waits) {
  if (!isShared()) {
    open();
    return () => {};
  }
  const wish = new AbortController();
  /** @type {GiveBack | null} */
  let giveBack = null;
  oneOfFew(wish.signal, () => wish.signal.aborted || waits()).then((given) => {
    giveBack = given;
    if (wish.signal.aborted) giveBack?.();
    else if (giveBack) open();
  });
  return () => {
    wish.abort();
    giveBack?.();
  };
}

/**
 * Tells whether a stream is there, or will be by itself.
 * @param {EventSource | null} source
 */
export const isOpen = (source) => source?.readyState === EventSource.OPEN;

/** @param {EventSource | null} source */
export const isClosed = (source) => source?.readyState === EventSource.CLOSED;
