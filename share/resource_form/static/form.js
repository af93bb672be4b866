// Adds to the form what HTML alone cannot: the table refreshes in the open page, times are in the user's time zone.
"use strict";

(() => {
  const REFRESH_MS = 20000;
  const form = document.getElementById("resource-form");
  const availability = document.getElementById("resource-form-availability");
  if (!form || !availability) return;

  function localTimes(root) {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      if (!Number.isNaN(moment.getTime())) {
        element.textContent = moment.toLocaleTimeString("en-GB");
      }
    }
  }

  function markUnrefreshed() {
    const section = availability.querySelector(".resource-form-availability");
    if (!section || section.dataset.unrefreshed) return;
    section.dataset.unrefreshed = "true";
    section.classList.add("resource-form-stale");
    const note = document.createElement("p");
    note.className = "alert alert-warning py-2";
    note.setAttribute("role", "status");
    note.textContent = "The table could not be refreshed: the Hub does not answer. This is what it said last.";
    const age = section.querySelector(".resource-form-age");
    (age || section.firstElementChild).after(note);
  }

  function show(html) {
    const opened = availability.querySelector("details")?.open;
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const section = parsed.querySelector(".resource-form-availability");
    if (!section) {
      markUnrefreshed();
      return;
    }
    const details = section.querySelector("details");
    if (details && opened) details.open = true;
    localTimes(section);
    availability.replaceChildren(section);
  }

  let asked = 0;

  async function refresh() {
    const number = ++asked;
    const url = new URL(form.dataset.availabilityUrl, window.location.href);
    const reservation = document.getElementById("resource-form-reservation");
    if (reservation && reservation.value) url.searchParams.set("reservation", reservation.value);
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (number !== asked) return;
      if (answer.ok && !answer.redirected) show(await answer.text());
      else markUnrefreshed();
    } catch {
      if (number === asked) markUnrefreshed();
    }
  }

  let timer = 0;

  function schedule() {
    window.clearInterval(timer);
    if (!document.hidden) timer = window.setInterval(refresh, REFRESH_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
    schedule();
  });
  document.getElementById("resource-form-reservation")?.addEventListener("change", refresh);

  // One press, one session: a second one while the first is on its way does nothing.
  const whole = form.closest("form");
  const start = form.querySelector(".resource-form-start");
  if (whole && start) {
    whole.addEventListener("submit", () => {
      window.setTimeout(() => {
        start.disabled = true;
        start.textContent = "Starting…";
      }, 0);
    });
    // The browser keeps the pressed button when the user comes back with its Back button.
    window.addEventListener("pageshow", () => {
      start.disabled = false;
      start.textContent = "Start";
    });
  }

  document.querySelector(".spawn-error-msg")?.focus();
  localTimes(availability);
  schedule();
})();
