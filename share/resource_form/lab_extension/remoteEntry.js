// The session bar in JupyterLab and Notebook: which session this is, how long it lasts, and a way to stop it. A container as webpack's
// module federation makes them, written by hand: it takes no module from the application, so it depends on the version of none.
"use strict";
(() => {
  const NAME = "jupyterhub-resource-form";
  const HERE = new URL(".", document.currentScript.src);
  const ASK_MS = 15000;
  const TICK_MS = 5000;
  const MINUTE_MS = 60000;
  const SILENT_ASKS = 3; // So often in a row there is no answer before a session counts as one that may be over.
  const PHONE = "(max-width: 599px)";

  function element(tag, className, text = "") {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function filled(text, values) {
    return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
  }

  // A moment in the user's time zone, as the Hub's pages write it (static/common/moments.js).
  function clock(when, texts, now = new Date()) {
    const time = [when.getHours(), when.getMinutes()].map((value) => String(value).padStart(2, "0")).join(":");
    if (when.toDateString() === now.toDateString()) return time;
    const [weekdays, months] = [texts.moment_weekdays.split(/\s+/), texts.moment_months.split(/\s+/)];
    const year = when.getFullYear();
    const words = year === now.getFullYear() ? texts.moment_day : texts.moment_year;
    return filled(words, {time, weekday: weekdays[(when.getDay() + 6) % 7], day: when.getDate(), month: months[when.getMonth()], year});
  }

  // What the user has closed stays closed in this tab, whatever the application does with its page.
  const remembered = {
    key: (facts, what) => `${NAME}:${facts.job_id}:${what}`,
    get(facts, what) {
      try { return Number(sessionStorage.getItem(this.key(facts, what)) || 0); } catch { return 0; }
    },
    set(facts, what, number) {
      try { sessionStorage.setItem(this.key(facts, what), String(number)); } catch { /* it is said again after a reload */ }
    },
  };

  class Notices {
    constructor() {
      this.box = element("div", "rf-notices");
      this.box.setAttribute("role", "status");
      document.body.append(this.box);
      this.shown = new Map();
    }

    show(what, text, closeLabel, closed, links = []) {
      this.hide(what);
      const notice = element("div", "rf-notice");
      const close = element("button", "rf-close", "×");
      close.type = "button";
      close.setAttribute("aria-label", closeLabel);
      close.addEventListener("click", () => { notice.remove(); closed(); });
      const words = element("span", "rf-text", text);
      for (const link of links) words.append(" ", link);
      notice.append(element("span", "rf-sign", "⚠"), words, close);
      notice.firstChild.setAttribute("aria-hidden", "true");
      this.shown.set(what, notice);
      this.box.append(notice);
    }

    hide(what) {
      this.shown.get(what)?.remove();
      this.shown.delete(what);
    }
  }

  // A link to a page of the Hub's; null where its address leads elsewhere.
  function link(className, text, address) {
    const url = new URL(address, location.href);
    if (!/^https?:$/.test(url.protocol)) return null;
    const made = element("a", className, text);
    made.href = url.href;
    made.target = "_top";
    return made;
  }

  class Bar {
    constructor(app) {
      this.app = app;
      this.node = element("div", "rf-bar");
      this.node.setAttribute("role", "region");
      this.left = element("span", "rf-left");
    }

    async ask() {
      const answer = await fetch(new URL("data.json", HERE), {cache: "no-store"});
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const facts = await answer.json();
      // The end is by the node's clock, which the answer tells; that of the user's own computer may be wrong.
      const there = Date.parse(answer.headers.get("Date") || "");
      this.offset = Number.isNaN(there) ? 0 : there - Date.now();
      if (!this.facts) this.build(facts);
      if (this.facts && this.facts.ends !== facts.ends) this.warnAnew();
      this.facts = facts;
      this.left.title = filled(facts.texts.ends, {time: clock(new Date(facts.ends * 1000 - this.offset), facts.texts)});
      this.silent = 0;
      this.sayWhetherOver();
      this.tick();
      this.sayKilled();
    }

    build(facts) {
      const texts = facts.texts;
      this.node.setAttribute("aria-label", texts.session);
      const name = element("bdi", "rf-name", facts.name);
      name.title = facts.name;
      if (/^#[0-9a-f]{6}$/i.test(facts.color)) {
        const color = element("span", "rf-color");
        color.setAttribute("aria-hidden", "true");
        color.style.backgroundColor = facts.color;
        this.node.append(color);
      }
      this.node.append(name, element("span", "rf-job", filled(texts.job, {number: facts.job_id})), element("span", "rf-node", facts.node));
      if (facts.gpus) this.node.append(element("span", "rf-gpus", facts.gpus));
      this.node.append(this.left);
      this.stop = link("rf-stop", texts.stop, facts.stop_url);
      this.again = link("rf-again", texts.again, facts.over_url);
      if (this.stop) {
        this.stop.title = texts.stop_help;
        this.node.append(this.stop);
      }
      this.notices = new Notices();
      // The class that the application's own shell is made of, which is the only one that it takes.
      let Widget = this.app.shell.constructor;
      while (Object.getPrototypeOf(Widget) !== Function.prototype) Widget = Object.getPrototypeOf(Widget);
      const widget = new Widget({node: this.node});
      widget.id = `${NAME}-bar`;
      this.app.shell.add(widget, "top", {rank: 2000});
    }

    // The end was moved: what was said of the one before is no longer so.
    warnAnew() {
      this.warned = null;
      this.notices.hide("end");
    }

    tick() {
      if (!this.facts) return;
      const {facts} = this;
      const {ends, warn_minutes: warnings, texts} = facts;
      const leftMs = ends * 1000 - (Date.now() + this.offset);
      const minutes = Math.max(0, Math.floor(leftMs / MINUTE_MS));
      const hours = Math.floor(minutes / 60);
      const inWords = hours ? filled(texts.hours, {hours, minutes: minutes % 60}) : filled(texts.minutes, {minutes});
      const said = leftMs > 0 ? filled(texts.left, {time: inWords}) : texts.over;
      const passed = Math.min(...warnings.filter((limit) => leftMs <= limit * MINUTE_MS));
      const text = (passed < Infinity ? "⚠ " : "") + said;
      if (this.left.textContent !== text) this.left.textContent = text;
      this.left.classList.toggle("rf-near", passed < Infinity);
      if (passed < Infinity && leftMs > 0 && this.warned !== passed) {
        this.warned = passed;
        if (remembered.get(this.facts, `warned-${ends}-${passed}`)) return;
        const sentence = filled(texts.warning, {time: minutes ? inWords : filled(texts.minutes, {minutes: 1})});
        this.notices.show("end", sentence, texts.close, () => remembered.set(facts, `warned-${ends}-${passed}`, 1));
      }
    }

    // Whoever asks and gets no answer: the time is up, or the session may have ended before.
    noAnswer(error) {
      if (!this.facts) {
        console.warn(`${NAME}:`, error);
        return;
      }
      this.silent = (this.silent || 0) + 1;
      this.sayWhetherOver();
    }

    sayWhetherOver() {
      const {facts, notices, stop, again} = this;
      const isUp = this.silent > 0 && Date.now() + this.offset >= facts.ends * 1000;
      const said = isUp ? facts.texts.over_notice : this.silent >= SILENT_ASKS ? facts.texts.silent_notice : "";
      if (said === (this.overSaid || "")) return;
      this.overSaid = said;
      notices.hide("over");
      if (said) notices.hide("end");
      if (stop && again) (said ? stop : again).replaceWith(said ? again : stop);
      if (!said) return;
      const links = [link("", facts.texts.why, facts.over_url), link("", facts.texts.new_session, facts.new_url)].filter(Boolean);
      notices.show("over", said, facts.texts.close, () => {}, links);
    }

    sayKilled() {
      const killed = this.facts.killed;
      if (killed <= Math.max(this.killedSaid || 0, remembered.get(this.facts, "killed"))) return;
      this.killedSaid = killed;
      this.notices.show("killed", this.facts.texts.killed, this.facts.texts.close, () => remembered.set(this.facts, "killed", killed));
    }

    run() {
      const style = document.createElement("link");
      style.rel = "stylesheet";
      style.href = new URL("style.css", HERE).href;
      document.head.append(style);
      // A page that nobody looks at asks nothing: else it would keep an idle session alive.
      const ask = () => document.hidden || this.ask().catch((error) => this.noAnswer(error));
      document.addEventListener("visibilitychange", ask);
      setInterval(ask, ASK_MS);
      setInterval(() => this.tick(), TICK_MS);
      ask();
    }
  }

  // What is done for the narrow screen alone: what a user has chosen, here or elsewhere, stays.
  class Phone {
    constructor(app) {
      this.shell = app.shell;
    }

    async hasStartMode() {
      const {baseUrl} = JSON.parse(document.getElementById("jupyter-config-data").textContent);
      const answer = await fetch(`${baseUrl}lab/api/settings/@jupyterlab/application-extension:shell`);
      return Boolean((await answer.json()).settings?.startMode);
    }

    // The window is narrow, not the user's wish for the file browser: what JupyterLab remembers of it is how it was, until they touch it.
    closeSide() {
      const {shell} = this;
      const before = shell.saveLayout();
      if (!before.leftArea || before.leftArea.collapsed) return;
      const save = shell.saveLayout.bind(shell);
      let isOurs = true;
      shell.collapseLeft();
      shell.saveLayout = () => {
        const layout = save();
        isOurs &&= layout.leftArea.collapsed;
        if (!isOurs) return layout;
        const {collapsed, currentWidget} = before.leftArea;
        return {...layout, leftArea: {...layout.leftArea, collapsed, currentWidget}, relativeSizes: before.relativeSizes};
      };
    }

    async fit() {
      const {shell} = this;
      if (!matchMedia(PHONE).matches || !("mode" in shell) || !shell.collapseLeft || !shell.saveLayout) return;
      this.closeSide();
      if (shell.mode === "single-document" || localStorage.getItem(`${NAME}:mode`) || (await this.hasStartMode())) return;
      shell.mode = "single-document";
      // Who switches it off has chosen, for this browser.
      addEventListener("pagehide", () => {
        if (shell.mode !== "single-document") localStorage.setItem(`${NAME}:mode`, shell.mode);
      });
    }
  }

  const plugin = {
    id: `${NAME}:session-bar`,
    autoStart: true,
    activate: (app) => {
      new Bar(app).run();
      Promise.resolve(app.restored).then(() => new Phone(app).fit()).catch((error) => console.warn(`${NAME}:`, error));
    },
  };
  const modules = {"./extension": () => ({__esModule: true, default: plugin})};

  (window._JUPYTERLAB ??= {})[NAME] = {
    init() {},
    get: (name) => (modules[name] ? Promise.resolve(modules[name]) : Promise.reject(new Error(`${NAME} has no module ${name}`))),
  };
})();
