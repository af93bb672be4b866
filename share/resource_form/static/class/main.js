// The page of a class: how much room there is and how many sessions, again and again, while somebody looks; and its link, to be copied.

import { ask } from "../common/api.js";
import { places, show, write } from "../common/dom.js";

const REFRESH_MS = 15_000;

/** @param {HTMLElement} page */
function begin(page) {
  const { find, place } = places("class-");
  const texts = JSON.parse(page.dataset.texts || "{}");
  const link = place("link", HTMLInputElement);
  const copy = place("copy");

  async function look() {
    if (document.hidden) return;
    const url = new URL(window.location.href);
    url.searchParams.set("as", "json");
    const answer = await ask(url).catch(() => null);
    // What stood there is kept: it comes again in a moment.
    if (!answer?.ok) return;
    write(place("room"), answer.body.room_text);
    show(place("problem"), answer.body.problem);
    const sessions = find("sessions");
    if (sessions) write(sessions, answer.body.sessions_text);
  }

  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(link.value);
      write(place("said"), texts.copied);
    } catch {
      // Without https a browser has no clipboard for scripts.
      link.select();
    }
  });
  document.addEventListener("visibilitychange", look);
  window.setInterval(look, REFRESH_MS);
}

const page = document.getElementById("resource-form-class");
if (page) begin(page);
