// The session bar in JupyterLab and Notebook: which session this is, how long it lasts, and a way to stop it. A container as webpack's
// module federation makes them, written by hand: it takes no module from the application, so it depends on the version of none.
"use strict";
(() => {
  const NAME = "jupyterhub-resource-form";
  const HERE = new URL(".", document.currentScript.src);
  const ASK_MS = 15000;
  const TICK_MS = 5000;
  const MINUTE_MS = 60000;

  function element(tag, className, text = "") {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function filled(text, values) {
    return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
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

    show(what, text, closeLabel, closed) {
      this.shown.get(what)?.remove();
      const notice = element("div", "rf-notice");
      const close = element("button", "rf-close", "×");
      close.type = "button";
      close.setAttribute("aria-label", closeLabel);
      close.addEventListener("click", () => { notice.remove(); closed(); });
      notice.append(element("span", "rf-sign", "⚠"), element("span", "rf-text", text), close);
      notice.firstChild.setAttribute("aria-hidden", "true");
      this.shown.set(what, notice);
      this.box.append(notice);
    }
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
      if (!answer.ok) return;
      const facts = await answer.json();
      // The end is by the node's clock, which the answer tells; that of the user's own computer may be wrong.
      const there = Date.parse(answer.headers.get("Date") || "");
      this.offset = Number.isNaN(there) ? 0 : there - Date.now();
      if (!this.facts) this.build(facts);
      this.facts = facts;
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
      this.left.title = filled(texts.ends, {time: new Date(facts.ends * 1000 - this.offset).toLocaleString()});
      this.node.append(this.left);
      const address = new URL(facts.stop_url, location.href);
      if (/^https?:$/.test(address.protocol)) {
        const stop = element("a", "rf-stop", texts.stop);
        stop.href = address.href;
        stop.target = "_top";
        stop.title = texts.stop_help;
        this.node.append(stop);
      }
      this.notices = new Notices();
      // The class that the application's own shell is made of, which is the only one that it takes.
      let Widget = this.app.shell.constructor;
      while (Object.getPrototypeOf(Widget) !== Function.prototype) Widget = Object.getPrototypeOf(Widget);
      const widget = new Widget({node: this.node});
      widget.id = `${NAME}-bar`;
      this.app.shell.add(widget, "top", {rank: 2000});
    }

    tick() {
      if (!this.facts) return;
      const {ends, warn_minutes: warnings, texts} = this.facts;
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
        if (remembered.get(this.facts, `warned-${passed}`)) return;
        const sentence = filled(texts.warning, {time: minutes ? inWords : filled(texts.minutes, {minutes: 1})});
        this.notices.show("end", sentence, texts.close, () => remembered.set(this.facts, `warned-${passed}`, 1));
      }
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
      const ask = () => document.hidden || this.ask().catch((error) => this.facts || console.warn(`${NAME}:`, error));
      document.addEventListener("visibilitychange", ask);
      setInterval(ask, ASK_MS);
      setInterval(() => this.tick(), TICK_MS);
      ask();
    }
  }

  const plugin = {id: `${NAME}:session-bar`, autoStart: true, activate: (app) => new Bar(app).run()};
  const modules = {"./extension": () => ({__esModule: true, default: plugin})};

  (window._JUPYTERLAB ??= {})[NAME] = {
    init() {},
    get: (name) => (modules[name] ? Promise.resolve(modules[name]) : Promise.reject(new Error(`${NAME} has no module ${name}`))),
  };
})();
