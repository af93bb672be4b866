// The cards of the home page and the list of all sessions: both follow the Hub's one stream of how sessions stand, and give orders through
// the Hub's own REST API. All sentences are the Hub's; whatever a user or Slurm has written is put in as text.
"use strict";

(() => {
  const POLL_MS = 30000;
  const TICK_MS = 1000;
  const SAY_MS = 100;
  const STOP_MS = 60000;
  const ROWS = 50;
  const root = document.getElementById("resource-form-sessions");
  if (!root) return;
  const texts = JSON.parse(root.dataset.texts);
  const lang = root.lang || "en";
  const base = root.dataset.base;
  const me = root.dataset.user;
  const isHome = root.dataset.page === "home";
  const everybodys = root.dataset.all === "yes";
  const byId = (name) => document.getElementById(`sessions-${name}`);

  // --- words, numbers and times, in the user's language and time zone ---

  // Hebrew, Arabic and their relatives.
  const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

  // What is written from right to left is isolated, so that the words around it stay where they are.
  function filled(sentence, values) {
    const shown = (value) => (RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : String(value));
    return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
  }

  function number(value) {
    return new Intl.NumberFormat(lang, { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 }).format(value);
  }

  function amount(value, unit) {
    return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(value);
  }

  const memory = (megabytes) => (megabytes < 1024 ? amount(Math.round(megabytes), "megabyte") : amount(megabytes / 1024, "gigabyte"));

  function moment(text) {
    const found = text ? new Date(text) : null;
    return found && !Number.isNaN(found.getTime()) ? found : null;
  }

  function clock(when) {
    const time = when.toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    if (when.toDateString() === new Date().toDateString()) return time;
    return `${when.toLocaleDateString(lang, { weekday: "short", day: "numeric", month: "short" })}, ${time}`;
  }

  function duration(seconds) {
    const minutes = Math.floor(seconds / 60);
    if (seconds < 60) return amount(Math.max(0, Math.floor(seconds)), "second");
    if (minutes < 60) return amount(minutes, "minute");
    if (minutes < 2880) return [amount(Math.floor(minutes / 60), "hour"), minutes % 60 ? amount(minutes % 60, "minute") : ""].join(" ").trim();
    return [amount(Math.floor(minutes / 1440), "day"), Math.floor(minutes / 60) % 24 ? amount(Math.floor(minutes / 60) % 24, "hour") : ""].join(" ").trim();
  }

  // --- elements ---

  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "class") made.className = value;
      else if (name === "text") made.textContent = value;
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  // Nothing is written that stands there already: what did not change is not a change to a screen reader either.
  function write(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }

  function show(place, text) {
    write(place, text);
    place.hidden = !text;
  }

  function time(when, words = clock(when)) {
    return element("time", { datetime: when.toISOString(), text: words });
  }

  // A link of the Hub's; whatever else stands there is none.
  function safeLink(address) {
    if (!address) return "";
    const url = new URL(address, window.location.href);
    return ["http:", "https:"].includes(url.protocol) && url.origin === window.location.origin ? url.href : "";
  }

  // What happens at the same moment is said together: a second text would silence the first.
  let toSay = [];
  function announce(sentences) {
    const isFirst = !toSay.length;
    toSay.push(...sentences.filter(Boolean));
    if (!isFirst || !toSay.length) return;
    window.setTimeout(() => {
      write(byId("announcement"), toSay.join(" "));
      toSay = [];
    }, SAY_MS);
  }

  // --- the Hub's REST API ---

  class Refused extends Error {}

  async function api(method, path, body) {
    let answer;
    try {
      answer = await fetch(new URL(`${base}api/${path}`, window.location.href), {
        method,
        credentials: "same-origin",
        cache: "no-store",
        headers: { Accept: "application/json", "Content-Type": "application/json", "X-XSRFToken": root.dataset.xsrf },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch {
      throw new Refused(texts.no_answer);
    }
    if (answer.ok) return answer;
    if (answer.status === 403 && method === "GET") throw new Refused(texts.not_allowed);
    const found = await answer.json().catch(() => ({}));
    throw new Refused(found.message || texts.no_answer);
  }

  function serverPath(user, name) {
    const owner = `users/${encodeURIComponent(user)}`;
    return name ? `${owner}/servers/${encodeURIComponent(name)}` : `${owner}/server`;
  }

  const stop = (session) => api("DELETE", serverPath(session.user, session.name));

  // JupyterHub 6 knows a name to show; 5 takes the body as the request itself. It may be words that JupyterHub does not take as such a name.
  function start(user, server, request) {
    const fits = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+( [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u.test(request.name || "");
    const body = root.dataset.newApi && server && fits ? { display_name: request.name, user_options: request } : request;
    return api("POST", serverPath(user, server), body);
  }

  // --- what is known ---

  let sessions = [];
  let heardAt = 0;
  let clockAhead = 0; // of the browser's clock, in milliseconds
  const now = () => Date.now() - clockAhead;
  const keyOf = (session) => `${session.user}/${session.name}/${session.id || session.ended || ""}`;
  const placeOf = (session) => `${session.user}/${session.name}`;
  const isOver = (session) => session.state === "ended";
  const stateOf = (session) => (isOver(session) && session.kind === "others" ? "failed" : session.state);
  const latest = (session) => session.ended || session.submitted || "";
  const gpus = window.resourceFormGpus({ texts, lang, filled, amount, duration, element, keyOf });

  function signature(session) {
    const { seconds_left: _left, seconds_waited: _waited, gpus: _gpus, cost, ...still } = session;
    return JSON.stringify([still, cost?.per_hour, cost?.unit, isOver(session) && cost?.used]);
  }

  function isLive(user, name) {
    return sessions.some((session) => session.user === user && session.name === name && !isOver(session));
  }

  function sentenceOf(session) {
    return [session.sentence, ["waiting", "ended"].includes(session.state) ? session.what_to_do : ""].filter(Boolean).join(" ");
  }

  function idleWords(session) {
    const since = isOver(session) ? null : moment(session.idle_gpus?.since);
    if (!since) return "";
    const stops = moment(session.idle_gpus.stops_at);
    return `${filled(texts.idle, { time: clock(since) })} ${stops ? filled(texts.idle_stops, { time: clock(stops) }) : texts.idle_asks}`;
  }

  function changesSince(before) {
    if (everybodys) return [];
    const states = new Map(before.map((session) => [keyOf(session), session]));
    const places = new Map(before.filter((session) => !isOver(session)).map((session) => [placeOf(session), session]));
    return sessions
      .filter((session) => {
        const old = states.get(keyOf(session)) || places.get(placeOf(session));
        return old ? old.state !== session.state || old.sentence !== session.sentence || idleWords(old) !== idleWords(session) : !isOver(session);
      })
      .map((session) =>
        filled(texts.said, { name: session.display_name, state: texts.states[stateOf(session)], sentence: `${sentenceOf(session)} ${idleWords(session)}`.trim() }),
      );
  }

  let isFirst = true;
  function take(answer) {
    const before = sessions;
    sessions = answer.sessions;
    heardAt = Date.now();
    gpus.take(everybodys ? [] : sessions);
    const counted = sessions.find((session) => moment(session.ends) && session.seconds_left > 0);
    if (counted) {
      const theirs = moment(counted.ends).getTime() - counted.seconds_left * 1000;
      // Times are whole seconds; a clock that goes right is not set right.
      clockAhead = Math.abs(Date.now() - theirs) > 2500 ? Date.now() - theirs : 0;
    }
    lostSince = 0;
    show(byId("note"), answer.stale ? texts.stale : "");
    render();
    if (!isFirst) announce(changesSince(before));
    isFirst = false;
    tick();
  }

  // --- the stream, and polling where there is none ---

  let source = null;
  let polling = 0;
  let lostSince = 0;
  // The page of home shows how each server's last session ended, and no earlier ones.
  const query = `?${new URLSearchParams({ ...(everybodys ? { all: "1" } : {}), limit: isHome ? "0" : "500" })}`;

  function lost(error) {
    lostSince ||= Date.now();
    const words = filled(texts.lost, { time: clock(new Date(lostSince)) });
    show(byId("note"), error?.message === texts.not_allowed ? texts.not_allowed : words);
  }

  async function poll() {
    if (document.hidden) return;
    if (polling && source?.readyState === EventSource.CLOSED) listen();
    try {
      take(await (await api("GET", `resource-form/sessions${query}`)).json());
    } catch (error) {
      lost(error);
    }
  }

  function listen() {
    source?.close();
    // The Hub wants its token of everybody, and a stream has no headers (JupyterHub does the same with the one of a start).
    const url = new URL(`${base}api/resource-form/sessions/events${query}`, window.location.href);
    url.searchParams.set("_xsrf", root.dataset.xsrf);
    source = new EventSource(url);
    source.onopen = () => {
      window.clearInterval(polling);
      polling = 0;
    };
    source.onmessage = (message) => take(JSON.parse(message.data));
    source.addEventListener("gpus", (message) => {
      gpus.hear(JSON.parse(message.data).sessions);
      tick();
    });
    source.onerror = () => {
      // The browser itself comes back to a stream that broke off, not to an answer that was none.
      if (polling) return;
      polling = window.setInterval(poll, POLL_MS);
      if (source.readyState === EventSource.CLOSED) poll(); // which tries a stream again as well
    };
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden && !isNotified()) {
      // A browser has six connections to the Hub for all its tabs.
      source?.close();
      window.clearInterval(polling);
      polling = 0;
    } else if (!document.hidden && (!source || source.readyState === EventSource.CLOSED)) listen();
  });

  // --- one session ---

  function tone(session) {
    return { waiting: "wait", starting: "wait", running: "good", failed: "bad" }[stateOf(session)] || "plain";
  }

  function badge(state, kind) {
    return element("span", { class: "sessions-state", "data-tone": kind, text: texts.states[state] });
  }

  function paint(place, color) {
    if (/^#[0-9a-f]{6}$/i.test(color || "")) place.style.setProperty("--session-color", color);
    else place.style.removeProperty("--session-color");
  }

  function usedOf(session) {
    if (!session.cost || typeof session.cost.used !== "number") return "";
    const hours = session.state === "running" && heardAt ? (Date.now() - heardAt) / 3600000 : 0;
    return filled(texts.units, { number: number(session.cost.used + session.cost.per_hour * hours), unit: session.cost.unit || "" });
  }

  function heldAmount(session, name) {
    return (session.held || []).find((entry) => entry.name === name)?.amount;
  }

  function usageFacts(session) {
    const usage = session.usage || {};
    const cores = heldAmount(session, "cores");
    const most = heldAmount(session, "memory");
    const facts = [];
    if (typeof usage.cores === "number") {
      facts.push([texts.busy_cores, filled(cores ? texts.cores : texts.cores_only, { number: number(usage.cores), all: cores })]);
    }
    if (typeof usage.memory_mb === "number") {
      const words = memory(usage.memory_mb);
      facts.push([texts.busy_memory, most ? filled(texts.memory, { number: words, all: memory(most) }) : words]);
    }
    return facts;
  }

  function factsOf(session) {
    const when = (text) => (moment(text) ? time(moment(text)) : "");
    const place = session.position ? filled(texts.place_of, { place: session.position.place, all: session.position.of }) : "";
    const waits = session.state === "waiting";
    return [
      [texts.node, session.node],
      [texts.release, session.request.release],
      [waits ? texts.asks : texts.has, isOver(session) ? "" : session.held_text],
      [texts.place, place],
      [texts.estimate, waits ? when(session.estimate) : ""],
      [session.started ? texts.started : texts.submitted, when(session.started || session.submitted)],
      [texts.ends, isOver(session) ? "" : when(session.ends)],
      [texts.ended, when(session.ended)],
      ...usageFacts(session),
      [texts.job, session.job_id ? String(session.job_id) : ""],
    ].filter(([, value]) => value);
  }

  function fact([label, value]) {
    return element("div", {}, element("dt", { text: label }), element("dd", {}, value));
  }

  function formLink(session, name = "") {
    const url = new URL(name ? `${base}resource-form/new` : session.spawn_url, window.location.href);
    if (name) url.searchParams.set("copy_of", name);
    const change = name ? {} : session.change || {};
    const values = { ...session.request, ...change };
    const fields = ["reservation", "account", "partition", "cores", "memory", "gpus", "walltime", "release", "interface", "color"];
    if (!name) fields.push("name");
    if (!Object.keys(change).length) fields.push("preset");
    for (const field of fields) if (values[field] !== undefined) url.searchParams.set(`opt-${field}`, String(values[field]));
    return url.href;
  }

  const viewLink = (session) => session.spawn_url.replace(`${base}spawn/`, `${base}spawn-pending/`);

  // --- what can be done with it ---

  const busy = new Map(); // an order that was given, by the session's place

  function failed(session, error) {
    show(byId("error"), filled(texts.failed, { name: session.display_name, why: error.message }));
    byId("error").scrollIntoView({ block: "nearest" });
  }

  async function order(session, what, action) {
    if (busy.has(placeOf(session))) return;
    busy.set(placeOf(session), { what, state: session.state });
    show(byId("error"), "");
    render();
    try {
      await action();
      // The Hub has taken the order to stop, and Slurm may take its time; any other is over with the answer.
      if (what === "stop") window.setTimeout(() => busy.delete(placeOf(session)) && render(), STOP_MS);
      else busy.delete(placeOf(session));
    } catch (error) {
      busy.delete(placeOf(session));
      failed(session, error);
    }
    render();
    if (!source || source.readyState !== EventSource.OPEN) poll();
  }

  function isBusy(session) {
    const given = busy.get(placeOf(session));
    // It is over with the order once the session stands otherwise than when it was given.
    if (given && given.state !== session.state && !(given.what === "stop" && session.state !== "ended" && session.state !== "stopping")) {
      busy.delete(placeOf(session));
      return "";
    }
    return given?.what || "";
  }

  function link(words, href, name, style = "btn-outline-secondary") {
    return href ? element("a", { class: `btn ${style}`, href, "data-action": name, text: words }) : null;
  }

  function button(words, name, action, { style = "btn-outline-secondary", disabled = false } = {}) {
    // Not disabled: the focus would be lost, and with it where one is.
    const made = element("button", { type: "button", class: `btn ${style}`, "data-action": name, "aria-disabled": disabled ? "true" : null, text: words });
    if (!disabled) made.addEventListener("click", action);
    return made;
  }

  function stopButton(session) {
    const given = isBusy(session) === "stop" || session.state === "stopping";
    const waits = session.state === "waiting" || !session.started;
    const stopWords = session.held_text && isHome ? filled(texts.stop_gives, { what: session.held_text }) : texts.stop;
    const words = given ? (waits && session.state !== "stopping" ? texts.cancelling : texts.stopping) : waits ? texts.cancel : stopWords;
    return button(words, "stop", () => order(session, "stop", () => stop(session)), { style: "btn-outline-danger", disabled: given });
  }

  function againButtons(session) {
    if (session.user !== me || isLive(session.user, session.name)) return [];
    const given = isBusy(session) === "start";
    const { profile: _line, ...request } = session.request;
    const again = () => order(session, "start", () => start(session.user, session.name, request));
    const style = isHome ? "btn-jupyter sessions-go" : "btn-outline-secondary";
    return [
      button(given ? texts.starting : texts.start_again, "again", again, { style, disabled: given }),
      link(texts.edit, formLink(session), "edit"),
    ];
  }

  function actionsOf(session) {
    const own = session.user === me;
    const actions = isOver(session)
      ? againButtons(session)
      : [
          own && session.state === "running" ? link(texts.open, safeLink(session.url), "open", "btn-jupyter sessions-go") : null,
          session.state !== "running" && session.state !== "stopping" ? link(texts.view, safeLink(viewLink(session)), "view") : null,
          stopButton(session),
        ];
    return [...actions, link(texts.log, safeLink(session.log_url), "log")].filter(Boolean);
  }

  // What had the focus has it again after its place was filled anew.
  function refill(place, children) {
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.action : "";
    place.replaceChildren(...children);
    if (focused) (place.querySelector(`[data-action="${focused}"]`) || place.querySelector("[data-action]"))?.focus();
  }

  // --- several at once ---

  // What the user has called it; nothing for a default server without a name.
  const calledBy = (session) => session.request.name || (session.name && session.display_name);

  function report(list, words) {
    const line = element("li", { text: words });
    list.append(line);
    return (later) => write(line, later);
  }

  async function startCopies(session, count, list, sum) {
    list.replaceChildren();
    show(sum, "");
    const { profile: _line, ...request } = session.request;
    const name = calledBy(session);
    let names = [];
    try {
      const found = await api("GET", `resource-form/new-names?${new URLSearchParams({ name, number: count })}`);
      names = (await found.json()).names;
    } catch (error) {
      report(list, error.message);
      return;
    }
    let started = 0;
    await Promise.all(
      names.map(async (given) => {
        const say = report(list, filled(texts.copy_asked, given));
        try {
          await start(me, given.server, { ...request, name: given.name });
          started += 1;
          say(filled(texts.copy_started, given));
        } catch (error) {
          const known = [...servers.keys()].filter(Boolean).length;
          const isLimit = limit > 0 && /maximum of \d+ named servers/.test(error.message);
          const why = isLimit ? filled(texts.limit_words, { number: Math.max(known, limit), most: limit }) : error.message;
          say(filled(texts.copy_refused, { name: given.name, why }));
        }
      }),
    );
    show(sum, filled(texts.copies_done, { started, all: names.length }));
    if (!source || source.readyState !== EventSource.OPEN) poll();
  }

  function moreOf(current) {
    const count = element("input", { type: "number", class: "form-control form-control-sm", min: 1, max: 20, value: 1 });
    const list = element("ol", { class: "sessions-results" });
    const sum = element("p", { class: "sessions-results-sum", role: "status", hidden: true });
    const go = element("button", { type: "submit", class: "btn btn-sm btn-outline-secondary", text: texts.start_copies });
    const form = element("form", { class: "sessions-copies" }, element("label", {}, `${texts.copies} `, count), go);
    const clone = element("a", { class: "btn btn-sm btn-outline-secondary", text: texts.clone });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (go.getAttribute("aria-disabled")) return;
      go.setAttribute("aria-disabled", "true");
      await startCopies(current(), Number(count.value), list, sum);
      go.removeAttribute("aria-disabled");
    });
    const fold = element("details", { class: "sessions-more" }, element("summary", { text: texts.more }));
    fold.append(element("div", { class: "sessions-more-row" }, form, clone), list, sum);
    fold.addEventListener("toggle", () => {
      clone.href = formLink(current(), calledBy(current()) || " ");
    });
    return fold;
  }

  // --- the end that comes nearer ---

  const NOTIFY = "resource-form-notify";
  const WARNED = "resource-form-warned";
  const warned = new Map();

  function isNotified() {
    return "Notification" in window && Notification.permission === "granted" && window.localStorage.getItem(NOTIFY) === "yes";
  }

  function warn(session, seconds) {
    const reached = (session.warn_minutes || []).filter((minutes) => seconds <= minutes * 60);
    const words = reached.length ? filled(texts.ends_soon, { duration: duration(seconds) }) : "";
    const nearest = Math.min(...reached);
    if (words && warned.get(keyOf(session)) !== nearest) {
      warned.set(keyOf(session), nearest);
      announce([`${session.display_name}: ${words}`]);
      notify(session, nearest, words);
    }
    return words;
  }

  // Once for each warning, whatever the number of tabs and reloads.
  function notify(session, minutes, words) {
    if (!isNotified()) return;
    const known = JSON.parse(window.localStorage.getItem(WARNED) || "{}");
    const key = keyOf(session);
    if (known[key] === minutes) return;
    const kept = sessions.map(keyOf).filter((entry) => entry in known).map((entry) => [entry, known[entry]]);
    window.localStorage.setItem(WARNED, JSON.stringify({ ...Object.fromEntries(kept), [key]: minutes }));
    new Notification(filled(texts.notice_title, { name: session.display_name }), { body: words, tag: `${key}/${minutes}` });
  }

  function showNotify() {
    const place = byId("notify");
    if (!place || !("Notification" in window) || !window.isSecureContext) return;
    place.hidden = false;
    place.setAttribute("aria-pressed", String(isNotified()));
    write(place, isNotified() ? texts.notified : texts.notify);
  }

  byId("notify")?.addEventListener("click", async () => {
    if (isNotified()) window.localStorage.removeItem(NOTIFY);
    else if ((await Notification.requestPermission()) === "granted") window.localStorage.setItem(NOTIFY, "yes");
    else show(byId("error"), texts.notify_denied);
    showNotify();
  });

  // --- the home page: a card for each server ---

  const limit = Number(root.dataset.limit || 0);
  const servers = new Map(isHome ? JSON.parse(root.dataset.servers).map((server) => [server.name, server]) : []);
  const cards = new Map();

  function makeCard(name) {
    const card = { name, title: element("bdi"), state: element("span"), ticks: () => {} };
    card.summary = element("p", { class: "sessions-summary" });
    card.sentence = element("p", { class: "sessions-sentence" });
    card.idle = element("p", { class: "sessions-idle sessions-warning", hidden: true });
    card.left = element("p", { class: "sessions-left", hidden: true });
    card.bar = element("progress", { class: "sessions-bar", "aria-label": texts.left_label, hidden: true });
    card.facts = element("dl", { class: "sessions-facts" });
    card.gpus = gpus.place();
    card.actions = element("div", { class: "sessions-actions", role: "group" });
    card.more = root.dataset.named ? moreOf(() => card.session) : null;
    const head = element("div", { class: "sessions-card-head" }, element("h2", { class: "h5 sessions-name" }, card.title), card.state);
    card.place = element("article", { class: "sessions-card", "data-server": name }, head, card.summary, card.sentence, card.idle, card.left, card.bar);
    card.place.append(card.facts, card.gpus, card.actions, ...(card.more ? [card.more] : []));
    return card;
  }

  async function remove(name, session) {
    await order(session, "delete", async () => {
      await api("DELETE", serverPath(me, name), { remove: true });
      servers.delete(name);
      sessions = sessions.filter((entry) => entry.name !== name || !isOver(entry));
      busy.delete(placeOf(session));
      announce([filled(texts.gone, { name: session.display_name })]);
      byId("cards").querySelector("[data-action]")?.focus();
    });
  }

  function deleteButton(session) {
    const given = isBusy(session) === "delete";
    const words = given ? texts.deleting : texts.delete;
    return button(words, "delete", () => remove(session.name, session), { style: "btn-outline-danger", disabled: given });
  }

  // The ids that JupyterHub's own home page has: "stop" and "start" of the default server, "stop-NAME" and so on of the others.
  const USUAL_IDS = { stop: "stop", delete: "delete", open: "start", view: "start", again: "start", start: "start" };
  function giveUsualIds(session, actions) {
    for (const action of actions.querySelectorAll("[data-action]")) {
      const usual = USUAL_IDS[action.dataset.action];
      const id = session.name ? `${usual}-${session.name}` : usual;
      if (usual && !(session.name === "" && usual === "start" && isOver(session)) && !actions.querySelector(`#${CSS.escape(id)}`)) action.id = id;
    }
  }

  function showCard(card, session) {
    const drawn = signature(session) + isBusy(session);
    card.session = session;
    if (card.drawn === drawn) return;
    card.drawn = drawn;
    const isNew = !session.kind;
    card.place.dataset.state = session.state;
    card.place.dataset.tone = isNew ? "plain" : tone(session);
    paint(card.place, session.color);
    write(card.title, session.display_name);
    const state = badge(isNew ? "never" : stateOf(session), card.place.dataset.tone);
    card.state.replaceWith(state);
    card.state = state;
    show(card.summary, session.summary || "");
    show(card.sentence, session.state === "running" && !session.unknown_since ? "" : sentenceOf(session));
    show(card.idle, idleWords(session));
    if (session.idle_gpus?.stops_at && !isOver(session)) notify({ ...session, id: `${session.id}/idle` }, session.idle_gpus.since, idleWords(session));
    card.facts.replaceChildren(...(isNew ? [] : factsOf(session).map(fact)));
    card.used = element("dd");
    card.usedRow = element("div", { hidden: true }, element("dt", { text: isOver(session) ? texts.used_all : texts.used }), card.used);
    card.facts.append(card.usedRow);
    card.actions.setAttribute("aria-label", filled(texts.actions_of, { name: session.display_name }));
    const actions = isNew ? [link(texts.start, session.spawn_url, "start", "btn-jupyter sessions-go")] : actionsOf(session);
    if (session.name && (isNew || isOver(session))) actions.push(deleteButton(session));
    refill(card.actions, actions);
    giveUsualIds(session, card.actions);
    if (card.more) card.more.hidden = isNew || session.state === "stopping";
  }

  function tickCard(card) {
    const session = card.session;
    gpus.show(card.gpus, session);
    const ends = isOver(session) ? null : moment(session.ends);
    const seconds = ends ? (ends - now()) / 1000 : 0;
    const warning = ends && seconds > 0 ? warn(session, seconds) : "";
    const words = ends ? (seconds > 0 ? filled(texts.left, { duration: duration(seconds) }) : texts.time_is_up) : "";
    show(card.left, warning || words);
    card.left.classList.toggle("sessions-warning", Boolean(warning));
    const started = moment(session.started);
    card.bar.hidden = !(ends && started);
    if (!card.bar.hidden) {
      card.bar.max = Math.round((ends - started) / 1000);
      card.bar.value = Math.max(0, Math.round(seconds));
    }
    const used = usedOf(session);
    if (card.used) {
      write(card.used, used);
      card.usedRow.hidden = !used;
    }
  }

  function currentOf(name) {
    const own = sessions.filter((session) => session.user === me && session.name === name);
    const over = own.filter(isOver).sort((one, other) => (latest(one) < latest(other) ? 1 : -1));
    return own.find((session) => !isOver(session)) || over[0];
  }

  const RANK = { running: 0, starting: 1, waiting: 1, unknown: 1, stopping: 2, ended: 3 };

  function renderHome() {
    for (const session of sessions) {
      if (session.user === me && !servers.has(session.name)) {
        servers.set(session.name, { name: session.name, display_name: session.display_name, spawn_url: session.spawn_url });
      }
    }
    const shown = [...servers.values()]
      .map((server) => currentOf(server.name) || (server.name ? { ...server, user: me, id: "", state: "ended", request: {} } : null))
      .filter(Boolean)
      .sort((one, other) => RANK[one.state] - RANK[other.state] || (isOver(one) && latest(one) !== latest(other) ? (latest(one) < latest(other) ? 1 : -1) : one.name.localeCompare(other.name)));
    const list = byId("cards");
    for (const plain of list.querySelectorAll(".sessions-plain")) plain.remove();
    const names = new Set(shown.map((session) => session.name));
    for (const [name, card] of cards) {
      if (names.has(name)) continue;
      card.place.remove();
      cards.delete(name);
    }
    for (const [index, session] of shown.entries()) {
      if (!cards.has(session.name)) cards.set(session.name, makeCard(session.name));
      const card = cards.get(session.name);
      showCard(card, session);
      if (list.children[index] !== card.place) list.insertBefore(card.place, list.children[index] || null);
    }
    byId("none").hidden = shown.some((session) => !isOver(session));
    showNew();
  }

  function showNew() {
    const usesDefault = isLive(me, "");
    const startButton = byId("new").querySelector("button");
    if (usesDefault) startButton.removeAttribute("id");
    else startButton.id = "start";
    const named = [...servers.keys()].filter(Boolean).length;
    const place = byId("limit");
    if (!place) {
      byId("new").hidden = usesDefault;
      return;
    }
    const isFull = limit > 0 && named >= limit;
    show(place, limit > 0 ? filled(isFull ? texts.limit_reached : texts.limit, { number: named, most: limit }) : "");
    byId("new-name").required = usesDefault;
    byId("new-name").disabled = isFull;
    startButton.disabled = isFull && usesDefault;
  }

  // --- the list of all sessions ---

  const rows = new Map();
  const most = { running: ROWS, finished: ROWS, others: ROWS };

  function makeRow(session) {
    const row = { drawn: "", place: element("article", { class: "sessions-row" }), actions: element("div", { class: "sessions-actions", role: "group" }) };
    row.body = element("div", { class: "sessions-row-body" });
    row.gpus = gpus.place();
    row.place.append(element("div", {}, row.body, row.gpus), row.actions);
    row.place.dataset.session = keyOf(session);
    return row;
  }

  function showRow(row, session) {
    row.session = session;
    const drawn = `${signature(session)}${isBusy(session)}${isLive(session.user, session.name)}`;
    if (row.drawn === drawn) return;
    row.drawn = drawn;
    paint(row.place, session.color);
    const title = element("h3", { class: "sessions-name" }, element("bdi", { text: session.display_name }));
    if (everybodys) title.append(element("span", { class: "sessions-user", text: session.user }));
    const until = isOver(session) ? session.ended : session.ends;
    const facts = [
      [texts.submitted, moment(session.submitted) ? time(moment(session.submitted)) : ""],
      [texts.started, moment(session.started) ? time(moment(session.started)) : ""],
      [isOver(session) ? texts.ended : texts.ends, moment(until) ? time(moment(until)) : ""],
      [texts.node, session.node],
      [isOver(session) ? texts.used_all : texts.used, usedOf(session)],
      [texts.job, session.job_id ? String(session.job_id) : ""],
    ].filter(([, value]) => value);
    row.body.replaceChildren(
      element("div", { class: "sessions-row-head" }, title, badge(stateOf(session), tone(session))),
      element("p", { class: "sessions-sentence", text: sentenceOf(session) }),
      ...(idleWords(session) ? [element("p", { class: "sessions-idle sessions-warning", text: idleWords(session) })] : []),
      element("p", { class: "sessions-summary", text: session.summary }),
      element("dl", { class: "sessions-row-facts" }, ...facts.map(fact)),
    );
    row.actions.setAttribute("aria-label", filled(texts.actions_of, { name: session.display_name }));
    refill(row.actions, actionsOf(session));
    for (const action of row.actions.children) action.classList.add("btn-sm");
  }

  function matches(session) {
    const wanted = (byId("filter-text").value || "").trim().toLowerCase();
    const user = (byId("filter-user")?.value || "").trim().toLowerCase();
    const state = byId("filter-state").value;
    if (user && !session.user.toLowerCase().includes(user)) return false;
    if (state && stateOf(session) !== state) return false;
    const words = [session.display_name, session.name, session.user, session.summary, session.sentence, session.node, session.id, session.slurm_state];
    return !wanted || words.join("\n").toLowerCase().includes(wanted);
  }

  function renderList() {
    const keys = new Set();
    for (const section of root.querySelectorAll(".sessions-list")) {
      const kind = section.dataset.kind;
      const all = sessions.filter((session) => session.kind === kind).sort((one, other) => (latest(one) < latest(other) ? 1 : -1));
      const found = all.filter(matches);
      const shown = found.slice(0, most[kind]);
      const list = section.querySelector(".sessions-rows");
      const places = shown.map((session) => {
        const key = keyOf(session);
        keys.add(key);
        if (!rows.has(key)) rows.set(key, makeRow(session));
        showRow(rows.get(key), session);
        return rows.get(key).place;
      });
      for (const child of [...list.children]) if (!places.includes(child)) child.remove();
      for (const [index, place] of places.entries()) {
        if (list.children[index] !== place) list.insertBefore(place, list.children[index] || null);
      }
      write(root.querySelector(`[data-number="${kind}"]`), String(found.length));
      show(section.querySelector(".sessions-empty"), found.length ? "" : all.length ? texts.none_found : texts.none[kind]);
      const paging = section.querySelector(".sessions-paging");
      paging.hidden = found.length <= shown.length;
      write(paging.querySelector("span"), filled(texts.shown, { shown: shown.length, all: found.length }));
      write(paging.querySelector("button"), filled(texts.show_more, { number: Math.min(ROWS, found.length - shown.length) }));
    }
    for (const key of rows.keys()) if (!keys.has(key)) rows.delete(key);
  }

  if (!isHome) {
    for (const state of ["waiting", "starting", "running", "stopping", "unknown", "ended", "failed"]) {
      byId("filter-state").append(element("option", { value: state, text: texts.states[state] }));
    }
    byId("filter").hidden = false;
    byId("filter").addEventListener("submit", (event) => event.preventDefault());
    byId("filter").addEventListener("input", renderList);
    for (const section of root.querySelectorAll(".sessions-list")) {
      section.querySelector(".sessions-paging button").addEventListener("click", () => {
        most[section.dataset.kind] += ROWS;
        renderList();
      });
    }
  }

  // --- both ---

  function render() {
    if (isHome) renderHome();
    else renderList();
  }

  function tick() {
    for (const card of cards.values()) tickCard(card);
    for (const row of rows.values()) gpus.show(row.gpus, row.session);
  }

  showNotify();
  if (isHome) showNew();
  listen();
  window.setInterval(tick, TICK_MS);
})();
