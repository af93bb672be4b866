// The page as a whole: how it looks while the session starts, when the Hub is away, and when it is over.

import { write } from "../common/dom.js";
import { filled } from "../common/format.js";
import { clock } from "../common/moments.js";
import { showLog, showLogLinks } from "./log.js";
import { adviceOf, sentenceOf, stageOf, waits } from "./stages.js";

/** @import { Facts } from "./facts.js" */
/** @import { Offers } from "./offers.js" */
/** @import { Page } from "./page.js" */
/** @import { Steps } from "./steps.js" */

const LOST_MS = 5000;

/**
 * @param {Page} page
 * @param {Steps} steps
 * @param {Facts} facts
 * @param {Pick<Offers, "show">} offers
 */
export function makeView(page, steps, facts, offers) {
  const { texts } = page;
  let lostSince = 0;

  function isFound() {
    lostSince = 0;
    page.line("lost", "");
  }

  function isLost() {
    lostSince ||= Date.now();
    if (Date.now() - lostSince >= LOST_MS) page.line("lost", filled(texts.lost, { time: clock(new Date(lostSince), texts) }));
  }

  function showWhatIsKnown() {
    steps.show(stageOf(page.session));
    steps.showProgress(page.highest);
    facts.show();
    showLog(page, page.session.log);
    showLogLinks(page, steps);
  }

  function show() {
    if (page.phase !== "starting") return;
    const { session } = page;
    const advice = adviceOf(session, texts);
    showWhatIsKnown();
    offers.show();
    write(page.place("advice"), advice);
    page.say(session.unknown_since ? "unknown" : waits(session) ? "waiting" : "starting", sentenceOf(session, texts), advice);
    document.title = `${steps.label()} – ${page.title}`;
  }

  function showReady() {
    facts.stop();
    steps.show("connected");
    steps.showProgress(100);
    write(page.place("advice"), "");
    page.headline(steps.label());
    page.cancelButton.hidden = true;
    page.place("offers").hidden = true;
    page.say("ready", texts.ready);
  }

  /**
   * It goes no further: what is left to do is another request, or to go home.
   * @param {string} tone
   * @param {string} sentence
   * @param {string} title
   * @param {string} [advice]
   */
  function showOver(tone, sentence, title, advice = "") {
    facts.stop();
    steps.stop();
    write(page.place("advice"), advice);
    page.headline(title);
    page.line("lost", "");
    page.line("leave", "");
    page.place("offers").hidden = true;
    const hadFocus = document.activeElement === page.cancelButton;
    page.cancelButton.hidden = true;
    page.progressBar.hidden = true;
    page.place("change").hidden = false;
    page.place("home").hidden = false;
    if (hadFocus) page.place("change").focus();
    for (const name of ["held", "cost"]) page.fact(name, "");
    showLogLinks(page, steps);
    page.say(tone, sentence, [title, advice].filter(Boolean).join(". "));
    document.title = `${title} – ${page.title}`;
  }

  return { leave: facts.stop, isFound, isLost, showWhatIsKnown, show, showReady, showOver };
}

/** @typedef {ReturnType<typeof makeView>} View */
