// The page of a session that starts: follows the Hub's stream of events and shows its latest, cancels this server and no other, and goes on
// to the server when it is ready. Also the page of a session that does not run. All sentences are the Hub's, shown as text.
"use strict";

(() => {
  const STAGES = ["submitting", "queue", "node", "environment", "server", "connected"];
  const SETTLE_MS = 80;
  const LOST_MS = 5000;
  const LOOK_AGAIN_MS = 3000;
  const STOP_LOOK_MS = 700;
  const STOP_SLOW_MS = 20000;
  const STOP_BEGINS_MS = 2000;
  const LISTENS = 95; // of 100: the server is known to listen
  const MOST_HISTORY = 200;

  // --- times, in the user's own time zone ---

  function clock(moment, lang) {
    const time = moment.toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    if (moment.toDateString() === new Date().toDateString()) return time;
    return `${moment.toLocaleDateString(lang, { weekday: "short", day: "numeric", month: "short" })}, ${time}`;
  }

  function amount(number, unit, lang, display = "long") {
    return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: display }).format(number);
  }

  function about(seconds, lang) {
    if (seconds < 5400) return amount(Math.max(1, Math.round(seconds / 60)), "minute", lang);
    if (seconds < 129600) return amount(Math.round(seconds / 3600), "hour", lang);
    return amount(Math.round(seconds / 86400), "day", lang);
  }

  function exactly(seconds, lang) {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    const parts = [];
    if (hours) parts.push(amount(hours, "hour", lang, "short"));
    if (hours || minutes) parts.push(amount(minutes, "minute", lang, "short"));
    if (!hours) parts.push(amount(seconds % 60, "second", lang, "short"));
    return parts.join(" ");
  }

  function moment(text) {
    const found = text ? new Date(text) : null;
    return found && !Number.isNaN(found.getTime()) ? found : null;
  }

  function filled(sentence, values) {
    return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  // --- a session that does not run ---

  const ended = document.getElementById("resource-form-ended");
  if (ended) {
    const start = document.getElementById("start");
    if (start && window.location.hash) start.href += window.location.hash;
    for (const element of ended.querySelectorAll("time[data-epoch]")) {
      const when = new Date(Number(element.dataset.epoch) * 1000);
      element.dateTime = when.toISOString();
      element.textContent = clock(when, ended.lang);
      element.hidden = false;
    }
    if (start && ended.dataset.implicitSeconds) {
      window.setTimeout(() => window.location.assign(start.href), Number(ended.dataset.implicitSeconds) * 1000);
    }
    // For tests of the Hub's own, as its pages do.
    window._jupyterhub_page_loaded = true;
  }

  const root = document.getElementById("resource-form-pending");
  if (!root) return;
  const texts = JSON.parse(root.dataset.texts);
  const lang = root.lang || "en";
  const byId = (name) => document.getElementById(`pending-${name}`);
  const name = document.title;
  const panel = byId("panel");
  const cancelButton = byId("cancel");
  const progressBar = document.getElementById("progress-bar");
  const history = document.getElementById("progress-log");

  // Nothing is written that stands there already: what did not change is not a change to a screen reader either.
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function fact(id, text) {
    const place = byId(id);
    write(place, text);
    place.parentElement.hidden = !text;
  }

  function line(id, text) {
    const place = byId(id);
    write(place, text);
    place.hidden = !text;
  }

  // --- what is known ---

  let session = {};
  let highest = 0;
  let phase = "starting"; // then one of: cancelling, cancelled, failed, ready
  let clockAhead = 0; // of the browser's clock, in milliseconds

  const now = () => Date.now() - clockAhead;

  async function compareClocks() {
    const before = Date.now();
    try {
      const answer = await fetch(document.querySelector("link[href*='pending.css']").href, { method: "HEAD", cache: "no-store" });
      const theirs = Date.parse(answer.headers.get("Date"));
      // The header has whole seconds: half of one is the best guess.
      if (!Number.isNaN(theirs)) clockAhead = (before + Date.now()) / 2 - theirs - 500;
    } catch {
      clockAhead = 0;
    }
    tick();
  }

  function stageOf(state) {
    if (STAGES.includes(state.stage)) return state.stage;
    const progress = state.progress || 0;
    return STAGES[progress < 15 ? 0 : progress < 30 ? 1 : progress < 60 ? 2 : progress < 95 ? 4 : 5];
  }

  function sentenceOf(state) {
    const since = moment(state.unknown_since);
    if (since) return filled(texts.unknown, { time: clock(since, lang) });
    return state.sentence || state.message || "";
  }

  // --- showing it ---

  let announced = "";
  function announce(words) {
    if (!words || words === announced) return;
    announced = words;
    byId("announcement").textContent = words;
  }

  function say(tone, sentence, ...more) {
    panel.dataset.tone = tone;
    if (sentence) write(byId("sentence"), sentence);
    announce([sentence, ...more].filter(Boolean).join(" "));
  }

  let furthest = 0;
  function showSteps(stage, how = "current") {
    // A stage that was reached stays reached: a list that jumps back would be taken for a new start.
    furthest = Math.max(furthest, STAGES.indexOf(stage));
    for (const [index, step] of [...byId("steps").children].entries()) {
      const current = index === furthest && phase !== "ready";
      const state = index < furthest || phase === "ready" ? "done" : current ? (how === "stopped" ? "stopped" : "now") : "next";
      step.className = state === "done" ? "is-done" : state === "now" ? "is-current" : state === "stopped" ? "is-current is-stopped" : "";
      if (current && how === "current") step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
      write(step.querySelector(".pending-state"), ` (${texts[state]})`);
    }
  }

  function showProgress(progress) {
    progressBar.setAttribute("aria-valuenow", String(Math.round(progress)));
    progressBar.firstElementChild.style.width = `${progress}%`;
  }

  function placeOf(position) {
    if (!position || !position.place) return "";
    const kind = new Intl.PluralRules(lang, { type: "ordinal" }).select(position.place);
    return filled(texts[`place_${kind}`] || texts.place_other, { place: position.place, all: position.of });
  }

  function costOf(cost, runs) {
    if (!cost || typeof cost.per_hour !== "number") return "";
    return filled(runs ? texts.cost : texts.cost_later, { cost: new Intl.NumberFormat(lang).format(cost.per_hour), unit: cost.unit || "" });
  }

  function showFacts() {
    const runs = ["environment", "server", "connected"].includes(stageOf(session));
    if (session.display_name) write(byId("name"), session.display_name);
    const color = session.color || root.dataset.color;
    if (/^#[0-9a-f]{6}$/i.test(color)) {
      byId("color").style.backgroundColor = color;
      byId("color").hidden = false;
    }
    if (session.summary) write(byId("summary"), session.summary);
    fact("job", session.job_id ? String(session.job_id) : "");
    fact("place", placeOf(session.position));
    fact("node", session.node || "");
    write(byId("held-label"), runs ? texts.held : texts.asked);
    fact("held", session.held_text || "");
    fact("cost", costOf(session.cost, runs));
    tick();
  }

  function tick() {
    const submitted = moment(session.submitted);
    const until = moment(session.started);
    if (submitted) fact("waited", exactly(Math.max(0, Math.floor(((until || now()) - submitted) / 1000)), lang));
    else if (typeof session.seconds_waited === "number") {
      const since = until ? 0 : Math.floor((performance.now() - session.heard) / 1000);
      fact("waited", exactly(Math.max(0, session.seconds_waited + since), lang));
    }
    const estimate = session.stage && session.stage !== "queue" && session.stage !== "submitting" ? null : moment(session.estimate);
    const seconds = estimate ? (estimate - now()) / 1000 : 0;
    const then = estimate ? filled(texts.estimate, { time: clock(estimate, lang), duration: about(seconds, lang) }) : "";
    fact("estimate", estimate && seconds < 30 ? texts.any_moment : then);
  }

  let ticking = window.setInterval(tick, 1000);

  function stopTicking() {
    window.clearInterval(ticking);
    ticking = 0;
    fact("estimate", "");
    fact("place", "");
  }

  function showLog(lines) {
    if (!Array.isArray(lines) || !lines.length) return;
    const place = byId("log-lines");
    const atEnd = byId("log").hidden || place.scrollTop + place.clientHeight >= place.scrollHeight - 8;
    byId("log").hidden = false;
    write(place, lines.join("\n"));
    if (atEnd) place.scrollTop = place.scrollHeight;
  }

  function showLogLinks() {
    // A job that has not run has no log.
    if (!session.job_id || furthest < STAGES.indexOf("environment")) return;
    const url = new URL(root.dataset.logUrl, window.location.href);
    url.searchParams.set("job", session.job_id);
    url.searchParams.set("user", root.dataset.user);
    for (const link of [byId("log-link"), byId("log-button")]) link.href = url.href;
    byId("log-link").hidden = false;
    byId("log-button").hidden = phase !== "failed";
  }

  function showWhatIsKnown() {
    showSteps(stageOf(session));
    showProgress(highest);
    showFacts();
    showLog(session.log);
    showLogLinks();
  }

  function show() {
    if (phase !== "starting") return;
    const stage = stageOf(session);
    const waits = stage === "submitting" || stage === "queue";
    const helps = session.waiting_helps;
    const help = helps === true && waits ? texts.helps : helps === false ? texts.helps_not : "";
    const advice = session.unknown_since ? "" : [help, session.what_to_do].filter(Boolean).join(" ");
    showWhatIsKnown();
    line("advice", advice);
    say(session.unknown_since ? "unknown" : waits ? "waiting" : "starting", sentenceOf(session), advice);
    document.title = `${byId("steps").children[furthest].querySelector(".pending-label").firstChild.textContent} – ${name}`;
  }

  // --- what happened ---

  let latest = "";
  function remember(event, words) {
    if (!words || words === latest) return;
    latest = words;
    const entry = document.createElement("li");
    const when = moment(event.at || event.time);
    if (when) {
      const time = document.createElement("time");
      time.dateTime = when.toISOString();
      time.textContent = when.toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
      entry.append(time);
    }
    const text = document.createElement("span");
    text.textContent = words;
    entry.append(text);
    history.append(entry);
    while (history.children.length > MOST_HISTORY) history.firstElementChild.remove();
  }

  // Only where there is no plain message; what is in it is read as text.
  function plain(event) {
    if (event.message) return String(event.message);
    return event.html_message ? (new DOMParser().parseFromString(event.html_message, "text/html").body.textContent || "").trim() : "";
  }

  // --- the stream ---

  let source = null;
  let lostSince = 0;
  let settling = 0;

  function isFound() {
    lostSince = 0;
    line("lost", "");
  }

  function isLost() {
    lostSince ||= Date.now();
    if (Date.now() - lostSince >= LOST_MS) line("lost", filled(texts.lost, { time: clock(new Date(lostSince), lang) }));
  }

  function take(event) {
    const progress = Number(event.progress) || 0;
    // A stream that begins anew tells all from the start again: what was shown already is not shown twice.
    if (progress < highest) return;
    highest = progress;
    const known = Object.entries(event).filter(([, value]) => value !== undefined);
    session = { ...session, ...Object.fromEntries(known), heard: performance.now() };
    window.clearTimeout(settling);
    settling = window.setTimeout(show, SETTLE_MS);
  }

  function listen() {
    source = new EventSource(root.dataset.progressUrl);
    source.onopen = () => {
      isFound();
      latest = "";
      history.replaceChildren();
    };
    source.onmessage = (message) => {
      const event = JSON.parse(message.data);
      isFound();
      if (event.failed) failed(event);
      else if (event.ready) ready(event);
      else if (event.progress) {
        remember(event, plain(event));
        take(event);
      }
      // What is left is the Hub's own first word, "Server requested", which is in no language of ours and says nothing.
    };
    source.onerror = () => {
      if (phase !== "starting") return;
      isLost();
      // The browser itself tries again unless it got another answer than a stream.
      if (source.readyState !== EventSource.CLOSED) return;
      window.setTimeout(look, LOOK_AGAIN_MS);
    };
  }

  function close() {
    source?.close();
    window.clearTimeout(settling);
  }

  function api(path, options = {}) {
    return fetch(new URL(path, new URL(root.dataset.apiUrl, window.location.href)), {
      credentials: "same-origin",
      cache: "no-store",
      headers: { Accept: "application/json", "X-XSRFToken": root.dataset.xsrf },
      ...options,
    });
  }

  const user = encodeURIComponent(root.dataset.user);

  // What the Hub knows of this server: null if it is stopped.
  async function model() {
    const answer = await api(`users/${user}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const found = ((await answer.json()).servers || {})[root.dataset.server];
    return found && (found.pending || found.ready) ? found : null;
  }

  // No stream: the Hub takes this session up again after a restart, or it is over, or we are logged out.
  async function look() {
    if (phase !== "starting") return;
    try {
      const server = await model();
      isFound();
      if (server?.pending === "spawn") {
        listen();
        return;
      }
      if (server?.pending === "stop") {
        isBeingCancelled();
        return;
      }
      if (server?.ready) {
        ready();
        return;
      }
      if (server?.pending !== "check") {
        window.location.reload();
        return;
      }
      await lookAtSessions();
    } catch (error) {
      if (error.message === "403" || error.message === "404") {
        window.location.reload();
        return;
      }
      isLost();
    }
    window.setTimeout(look, LOOK_AGAIN_MS);
  }

  async function lookAtSessions() {
    // Somebody else's are told to an admin who asks for all.
    for (const query of ["", "?all=1"]) {
      const answer = await api(`resource-form/sessions${query}`);
      if (!answer.ok) return;
      const own = ((await answer.json()).sessions || []).find(
        (entry) => entry.user === root.dataset.user && entry.name === root.dataset.server && STAGES.includes(entry.stage),
      );
      if (!own) continue;
      take({ ...own, progress: Math.max(highest, Number(own.progress) || 0) });
      return;
    }
  }

  // --- how it comes out ---

  // Between the end of a start that is cancelled and the begin of its stop, the Hub for a second takes the server for one that is ready.
  async function isBeingStopped() {
    await new Promise((resolve) => window.setTimeout(resolve, STOP_BEGINS_MS));
    const server = await model().catch(() => ({ ready: true }));
    return server === null || server.pending === "stop";
  }

  async function ready(event) {
    close();
    if (phase !== "starting") return;
    if (highest < LISTENS && (await isBeingStopped())) {
      if (phase === "starting") isBeingCancelled();
      return;
    }
    if (phase !== "starting") return;
    phase = "ready";
    if (event) remember(event, plain(event));
    stopTicking();
    showSteps("connected");
    showProgress(100);
    line("advice", "");
    cancelButton.hidden = true;
    say("ready", texts.ready);
    // The Hub then leads on to the server, or to where the user was going.
    window.location.reload();
  }

  async function failed(event) {
    close();
    if (phase !== "starting") return;
    const words = plain(event).replace(/^Spawn failed(:\s*|$)/, "");
    if (words.startsWith("Spawn cancelled") || (await model().catch(() => null))?.pending === "stop") {
      isBeingCancelled();
      return;
    }
    showWhatIsKnown();
    phase = "failed";
    const why = words || plain({ html_message: event.html_message }) || sentenceOf(session) || texts.failed;
    remember(event, why);
    // What to do while waiting is over with the waiting.
    over("failed", why, texts.failed_title, session.waiting_helps ? "" : session.what_to_do || "");
    document.getElementById("progress-details").open = true;
  }

  function over(tone, sentence, title, action = "") {
    stopTicking();
    showSteps(STAGES[furthest], "stopped");
    line("advice", action);
    line("lost", "");
    const hadFocus = document.activeElement === cancelButton;
    cancelButton.hidden = true;
    progressBar.hidden = true;
    byId("change").hidden = false;
    byId("home").hidden = false;
    if (hadFocus) byId("change").focus();
    for (const id of ["held", "cost"]) fact(id, "");
    showLogLinks();
    say(tone, sentence, action);
    document.title = `${title} – ${name}`;
  }

  // --- Cancel ---

  function isBeingCancelled() {
    phase = "cancelling";
    close();
    // Not disabled: that would take the focus away from whoever came here with the keyboard.
    cancelButton.setAttribute("aria-disabled", "true");
    write(cancelButton, texts.cancelling);
    line("error", "");
    line("advice", "");
    say("unknown", texts.being_cancelled);
    whenStopped(Date.now());
  }

  async function whenStopped(since) {
    let server = { pending: "stop" };
    try {
      server = await model();
      isFound();
    } catch {
      isLost();
    }
    if (server === null) {
      phase = "cancelled";
      over("cancelled", texts.cancelled, texts.cancelled_title);
      return;
    }
    if (Date.now() - since > STOP_SLOW_MS) say("unknown", texts.still_being_cancelled);
    window.setTimeout(() => whenStopped(since), STOP_LOOK_MS);
  }

  function notCancelled(why) {
    phase = "starting";
    cancelButton.removeAttribute("aria-disabled");
    write(cancelButton, texts.cancel);
    line("error", filled(texts.not_cancelled, { why }));
    show();
    if (source?.readyState === EventSource.CLOSED) look();
  }

  async function cancel() {
    if (phase !== "starting") return;
    phase = "cancelling";
    cancelButton.setAttribute("aria-disabled", "true");
    write(cancelButton, texts.cancelling);
    line("error", "");
    // The default server has an address of its own; "servers/" without a name is not it.
    const server = root.dataset.server ? `servers/${encodeURIComponent(root.dataset.server)}` : "server";
    let answer;
    try {
      answer = await api(`users/${user}/${server}`, { method: "DELETE" });
    } catch {
      notCancelled(texts.no_answer);
      return;
    }
    if (answer.ok || answer.status === 404) {
      isBeingCancelled();
      return;
    }
    const said = await answer.json().catch(() => ({}));
    notCancelled(said.message || `HTTP ${answer.status}`);
  }

  cancelButton.hidden = false;
  cancelButton.addEventListener("click", cancel);
  // A page out of the browser's memory shows what was; the Hub knows what is.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  // What the Hub knew when it made the page stands there already.
  highest = Number(progressBar.getAttribute("aria-valuenow")) || 0;
  showSteps(root.querySelector("[aria-current]").dataset.stage);
  showProgress(highest);
  compareClocks();
  listen();
  window._jupyterhub_page_loaded = true;
})();
