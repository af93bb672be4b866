// What is known of the session: the table of facts, and the clock in it.

import { write } from "../common/dom.js";
import { exactly } from "../common/format.js";
import { costInWords, placeInWords, runs } from "./stages.js";
import { aheadOf, secondsWaited, startInWords } from "./times.js";

/** @import { Page } from "./page.js" */

/** @param {Page} page */
export function makeFacts(page) {
  const { place, fact, texts, lang } = page;
  let clockAhead = 0; // of the browser's clock, in milliseconds
  const ticking = window.setInterval(tick, 1000);

  function tick() {
    const now = Date.now() - clockAhead;
    const waited = secondsWaited(page.session, now, performance.now());
    if (waited !== null) fact("waited", exactly(waited, lang));
    if (page.phase === "starting" && page.session.heard) showStart(now);
  }

  /** @param {number} now in milliseconds, by the Hub's clock */
  function showStart(now) {
    const { when, inAbout } = startInWords(page.session, now, texts, lang);
    page.headline(when, inAbout);
  }

  function show() {
    const { session } = page;
    const color = session.color || page.color;
    if (session.display_name) write(place("name"), session.display_name);
    if (/^#[0-9a-f]{6}$/i.test(color)) {
      place("color").style.backgroundColor = color;
      place("color").hidden = false;
    }
    if (session.summary) write(place("summary"), session.summary);
    fact("job", session.job_id ? String(session.job_id) : "");
    fact("place", placeInWords(session, texts, lang));
    fact("node", session.node || "");
    fact("held", (runs(session) && session.held_text) || ""); // before, it is what was asked for, which stands above
    fact("cost", costInWords(session, texts, lang));
    tick();
  }

  function stop() {
    window.clearInterval(ticking);
    fact("place", "");
  }

  // Any answer of the Hub's says what time it has; that about this file costs it nothing.
  async function compareClocks() {
    const before = Date.now();
    try {
      const answer = await fetch(import.meta.url, { method: "HEAD", cache: "no-store" });
      clockAhead = aheadOf(before, Date.now(), answer.headers.get("Date"));
    } catch {
      clockAhead = 0;
    }
    tick();
  }

  return { show, stop, compareClocks };
}

/** @typedef {ReturnType<typeof makeFacts>} Facts */
